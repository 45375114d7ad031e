import type { CreateCall } from '@flashclaim/audit';
import { StartError } from '@flashclaim/runtime/read-settings';
import type { SaleOptions } from './options.ts';
import type { SaleTarget } from './sale-target.ts';

const ANSWER_MAX_MS = 10_000;

/** The clock of the server may differ this much from ours where a sale has to open. */
const CLOCK_ERROR_MAX_MS = 1_000;

interface CreatedCoupon {
  created: CreateCall;
  /** The sale opens between these times of `performance.now()`; undefined where it is open. */
  opening?: { from: number; by: number };
}

/** Creates the coupon of a sale. @throws StartError that says why it can't. */
export const createCoupon = async (
  { client, adapter, url }: SaleTarget,
  name: string,
  { stock: amount, opensAfterMs, scenario }: Pick<SaleOptions, 'stock' | 'opensAfterMs' | 'scenario'>,
): Promise<CreatedCoupon> => {
  const { opensAfterMs: readOpening } = adapter;
  if (opensAfterMs !== undefined && !readOpening)
    throw new StartError(`${scenario} needs a server whose coupons can open later; this adapter knows no such field.`);
  // biome-ignore lint/plugin/wall-clock: a stamp: the time at which the coupon opens. Intervals are computed from the answer.
  const startsAt = opensAfterMs === undefined ? undefined : new Date(Date.now() + opensAfterMs).toISOString();
  const invokedAt = performance.now();
  const answer = await client
    .send(adapter.create({ name, amount, startsAt }), AbortSignal.timeout(ANSWER_MAX_MS))
    .catch((error: Error) => {
      throw new StartError(`${url} can't be reached (${error.message}): is the server running?`);
    });
  const answeredAt = performance.now();
  const { status, body } = answer;
  if (status !== 200 && status !== 201) {
    const why = body?.detail ?? body?.error ?? body?.message ?? '';
    const hint = status === 401 || status === 403 ? ' Set ADMIN_TOKEN to the token of the server.' : '';
    throw new StartError(`The server does not create a coupon: ${status} ${why}${hint}`);
  }
  const call = { op: 'create' as const, coupon: name, amount, invokedAt, answeredAt, status: 201 };
  if (startsAt === undefined || opensAfterMs === undefined) return { created: call };
  const opensAfter = readOpening?.(answer) ?? Number.NaN;
  // The coupon may have been created at any moment of the call.
  const error = Math.max(opensAfter - opensAfterMs, opensAfterMs - (answeredAt - invokedAt) - opensAfter);
  if (!(error <= CLOCK_ERROR_MAX_MS))
    throw new StartError(`The clocks of the server and of this machine differ by more than ${CLOCK_ERROR_MAX_MS} ms.`);
  const opening = { from: invokedAt + opensAfter, by: answeredAt + opensAfter };
  return { created: { ...call, startsAt: Date.parse(startsAt) }, opening };
};
