import type { Attempt } from './attempts.ts';
import type { CouponEvidence, Evidence } from './evidence.ts';
import type { Life } from './lives.ts';
import type { Settings } from './settings.ts';
import type { Violation } from './violation.ts';

export interface DatabaseClockOptions {
  /** Largest error of the database's clock. Where it is absent, no answer is compared with the time. */
  databaseClockErrorMs?: number | undefined;
  /** The database time at time 0 of the history, in ms since the epoch; 0 by default. */
  databaseTimeAtZeroMs?: number | undefined;
}

/** I5: claims are granted only while the coupon is open, and `sale_not_open` is true. Judges where the settings are certain. */
export function* checkSale({ coupons }: Evidence, clock: DatabaseClockOptions): Generator<Violation> {
  for (const coupon of coupons.values()) {
    for (const life of coupon.lives) {
      const closed = whyClosed(coupon, life);
      if (closed)
        yield {
          invariant: 'I5',
          found: `${life.claim.user} was granted "${coupon.name}" by the claim ${life.claim.id} while it was ${closed}; sale_not_open expected`,
          requests: callsOf(coupon, life),
        };
    }
    for (const attempt of coupon.attempts) {
      const found = whyRefusalWrong(coupon, attempt, clock);
      if (found)
        yield {
          invariant: 'I5',
          found: `${attempt.call.user} was refused "${coupon.name}" (${[attempt.code, attempt.reason].filter(Boolean).join(', ')}), ${found}`,
          requests: [attempt.call, ...coupon.changes],
        };
    }
  }
}

const callsOf = ({ users, changes }: CouponEvidence, { claim }: Life): Violation['requests'] => {
  const attempts = users.get(claim.user)?.attempts ?? [];
  return [...attempts.filter(({ claimId }) => claimId === claim.id).map(({ call }) => call), ...changes];
};

/** Why the coupon was certainly closed when the claim was granted. Its time is compared with the window: both are database time. */
const whyClosed = ({ settings }: CouponEvidence, life: Life): string | undefined => {
  const { grantedFrom, grantedBy, claim } = life;
  const all = <Field extends keyof Settings>(field: Field, isClosed: (value: Settings[Field]) => boolean) =>
    settings.possible(field, grantedFrom, grantedBy)?.every(isClosed) ?? false;
  if (all('paused', (paused) => paused)) return 'paused';
  if (all('startsAt', (startsAt) => startsAt !== null && claim.claimedAt < startsAt)) return 'not started';
  if (all('endsAt', (endsAt) => endsAt !== null && claim.claimedAt >= endsAt)) return 'ended';
  return undefined;
};

const whyRefusalWrong = (
  { settings }: CouponEvidence,
  { call, code, reason, decidedAt }: Attempt,
  { databaseClockErrorMs, databaseTimeAtZeroMs = 0 }: DatabaseClockOptions,
): string | undefined => {
  if (code !== 'sale_not_open' && code !== 'out_of_stock') return undefined;
  const paused = settings.possible('paused', call.invokedAt, decidedAt);
  if (code === 'out_of_stock' || reason === 'not_started')
    if (paused?.every((value) => value)) return 'but it was paused';
  if (code === 'out_of_stock') return undefined;
  if (reason === 'paused') return paused?.includes(true) === false ? 'but it was not paused' : undefined;
  const error = databaseClockErrorMs ?? Number.POSITIVE_INFINITY;
  if (reason === 'not_started') {
    const now = call.invokedAt + databaseTimeAtZeroMs - error;
    const starts = settings.possible('startsAt', call.invokedAt, decidedAt);
    return starts?.every((startsAt) => startsAt === null || startsAt <= now) ? 'but it had started' : undefined;
  }
  if (reason !== 'ended') return undefined;
  const now = decidedAt + databaseTimeAtZeroMs + error;
  const ends = settings.possible('endsAt', call.invokedAt, decidedAt);
  return ends?.every((endsAt) => endsAt === null || endsAt > now) ? 'but it had not ended' : undefined;
};
