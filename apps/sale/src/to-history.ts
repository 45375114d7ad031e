import type { HistoryRecord } from '@flashclaim/audit';
import type { AnyResult } from './call-results.ts';

/** The code of a refusal where the server sends none. */
const REFUSALS = new Set(['already_claimed', 'out_of_stock', 'sale_not_open', 'coupon_not_found']);

/** The calls of a sale as records of a history, which `npm run audit -- --history FILE` reads. */
export const toHistory = (coupon: string, results: readonly AnyResult[]): HistoryRecord[] =>
  results.map((result) => {
    const { sentAt: invokedAt, answeredAt, status, error } = result;
    // A grant is 200 in a history, also where the server says 201.
    const isGrant = result.kind !== 'read' && result.outcome === 'claimed';
    const call = {
      ...{ invokedAt, answeredAt },
      ...(status !== undefined && { status: isGrant ? 200 : status }),
      ...(error !== undefined && { error }),
    };
    if (result.kind === 'read') {
      const { amount, remaining, claimed, users } = result.coupon ?? {};
      return { op: 'read', coupon, ...call, ...defined({ amount, remaining, claimed, listed: users?.length }) };
    }
    const { outcome, claimId, sequence, reason, isReplayed: replayed } = result;
    const code = result.code ?? (REFUSALS.has(outcome) ? outcome : undefined);
    const answer = { ...call, ...defined({ code, sequence, reason }) };
    if (result.kind === 'status') return { op: 'status', claimId: claimId as string, ...answer };
    const { user, key, done } = result;
    return { op: 'claim', user, coupon, ...answer, ...defined({ key, claimId, replayed, done }) };
  });

/** Without the fields that are undefined. */
const defined = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Field in keyof T]?: Exclude<T[Field], undefined>;
  };
