import { type Attempt, WITHOUT_REASON } from './attempts.ts';
import type { CouponEvidence, Evidence } from './evidence.ts';
import { mayRelease } from './lives.ts';
import { earliest } from './sorted-times.ts';
import type { Violation } from './violation.ts';

/** I8: no user is refused while a unit remains. */
export function* checkUndersell({ coupons, releases }: Evidence): Generator<Violation> {
  const isReleased = releases.some(mayRelease);
  for (const coupon of coupons.values()) {
    yield* checkNotFound(coupon);
    if (!coupon.stock) continue;
    const refused = coupon.attempts.filter(({ code }) => code === 'out_of_stock');
    const unsold = isReleased || hasChangedAmount(coupon) ? undefined : whyUnsold(coupon, coupon.stock);
    if (unsold) yield { invariant: 'I8', found: unsold, requests: refused.map(({ call }) => call) };
    else yield* checkRefusedTooEarly(coupon, refused);
  }
}

const hasChangedAmount = ({ changes }: CouponEvidence): boolean => changes.some(({ set }) => set.amount !== undefined);

/** Where no unit is returned or added, units remain only if fewer users asked. */
const whyUnsold = (
  { name, attempts }: CouponEvidence,
  { amount, remaining }: { amount: number; remaining: number },
): string | undefined => {
  const decided = new Set(attempts.filter(wantedUnit).map(({ call }) => call.user));
  if (remaining <= 0 || decided.size < amount) return undefined;
  return `${remaining} units of "${name}" remain, although ${decided.size} users asked; 0 of ${amount} expected`;
};

/** Whether the outcome depended on the units that remained. */
const wantedUnit = ({ known, code }: Attempt): boolean =>
  known === 'claimed' || code === 'already_claimed' || code === 'out_of_stock';

/**
 * `out_of_stock` is true only if all units can have been taken at some moment of the request: units that were requested by its
 * end, without those that were returned before its begin, are as many as the amount.
 */
function* checkRefusedTooEarly(
  { name, flow, settings }: CouponEvidence,
  refused: readonly Attempt[],
): Generator<Violation> {
  const early = refused
    .filter(
      ({ call, decidedAt }) => flow.liveMax(call.invokedAt, decidedAt) < settings.amountMin(call.invokedAt, decidedAt),
    )
    .sort((a, b) => a.decidedAt - b.decidedAt);
  const [first] = early;
  if (!first) return;
  const { call, decidedAt } = first;
  const taken = flow.liveMax(call.invokedAt, decidedAt);
  const amount = settings.amountMin(call.invokedAt, decidedAt);
  yield {
    invariant: 'I8',
    found: `${early.length} requests for "${name}" were refused as out of stock: ${call.user} when at most ${taken} of ${amount} units can have been taken; 200 expected`,
    requests: early.map((one) => one.call),
  };
}

const DOES_NOT_PROVE_COUPON: ReadonlySet<string | undefined> = new Set(['coupon_not_found', ...WITHOUT_REASON]);

/** A coupon that one caller has seen exists from then on. */
function* checkNotFound({ name, attempts, reads, creates, changes }: CouponEvidence): Generator<Violation> {
  const missed = [
    ...attempts.filter(({ code }) => code === 'coupon_not_found').map(({ call }) => call),
    ...[...reads, ...changes].filter(({ status }) => status === 404),
  ];
  if (missed.length === 0) return;
  const seen = [
    ...creates.filter(({ status }) => status === 201 || status === 409),
    ...[...reads, ...changes].filter(({ status }) => status === 200),
  ].map(({ answeredAt }) => answeredAt ?? Number.POSITIVE_INFINITY);
  const decided = attempts
    .filter(({ known, code }) => known === 'claimed' || (known === 'refused' && !DOES_NOT_PROVE_COUPON.has(code)))
    .map(({ decidedAt }) => decidedAt);
  const since = earliest([...seen, ...decided]);
  for (const call of missed)
    if (call.invokedAt > since)
      yield {
        invariant: 'I8',
        found: `a caller was answered that "${name}" does not exist, although it had been seen before`,
        requests: [call],
      };
}
