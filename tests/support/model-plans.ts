/** Random plans for a `ModelSale`, and losses of its answers. */
import type { HistoryRecord } from '@flashclaim/audit';
import fc from 'fast-check';
import { COUPONS, type Fate, type Planned } from './model-sale.ts';

const LONGEST = 60;
const coupon = fc.constantFrom(COUPONS[0], COUPONS[0], COUPONS[1]);
const times = { waits: fc.nat(8), takes: fc.nat(8) };
const fate = fc.constantFrom<Fate>(
  ...(['answered', 'answered', 'answered', 'answered', 'answered'] as const),
  ...(['lost', 'unavailable', 'pending', 'overloaded', 'dropped'] as const),
);
const time = fc.option(fc.integer({ min: 1, max: LONGEST }));
const set = fc.oneof(
  fc.record({ amount: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ paused: fc.boolean() }),
  fc.record({ startsAt: time }),
  fc.record({ endsAt: time, paused: fc.boolean() }),
);
const claim = fc.record({
  ...{ kind: fc.constant('claim' as const), user: fc.nat(6), coupon, key: fc.option(fc.nat(1), { nil: undefined }) },
  ...{ fate, asks: fc.array(fc.nat(12), { maxLength: 3 }), ...times },
});
const release = fc.record({ kind: fc.constant('release' as const), of: fc.nat(LONGEST), fate, ...times });
const change = fc.record({
  kind: fc.constant('change' as const),
  coupon,
  set,
  isVersioned: fc.boolean(),
  fate,
  ...times,
});
const read = fc.record({ kind: fc.constant('read' as const), coupon, ...times });
const only = fc.constantFrom('claimed' as const, 'released' as const, undefined);
const list = fc.record({ kind: fc.constant('list' as const), coupon, only, ...times });

export const sale = fc.record({ amount: fc.integer({ min: 1, max: 8 }), createdAt: fc.nat(9) });
export const plainPlan = fc.array<Planned>(fc.oneof({ weight: 5, arbitrary: claim }, read), { maxLength: 40 });
const planned = fc.oneof(
  { weight: 8, arbitrary: claim },
  { weight: 4, arbitrary: release },
  { weight: 2, arbitrary: change },
  { weight: 1, arbitrary: read },
  { weight: 1, arbitrary: list },
);
export const plan = fc.array<Planned>(planned, { maxLength: LONGEST });
export const longPlan = fc.array<Planned>(planned, { minLength: LONGEST / 2, maxLength: LONGEST });

/** The same history where some answers were lost, and some reads were not recorded. */
export const withLosses = (history: readonly HistoryRecord[], isLost: (index: number) => boolean): HistoryRecord[] =>
  history.flatMap((record, index): HistoryRecord[] => {
    if (!isLost(index)) return [record];
    const { op, invokedAt } = record;
    const lost = { invokedAt, answeredAt: invokedAt + 1_000, error: 'socket hang up' };
    if (op === 'claim') {
      const { user, coupon, key } = record;
      return [{ op, user, coupon, ...(key !== undefined && { key }), ...lost }];
    }
    if (op === 'release') return [{ op, claimId: record.claimId, ...lost }];
    if (op === 'settings') return [{ op, coupon: record.coupon, set: record.set, ...lost }];
    return op === 'status' ? [record] : [];
  });
