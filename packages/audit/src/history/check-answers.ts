import {
  type Attempt,
  type CouponEvidence,
  type Evidence,
  earliest,
  makersOf,
  type UserEvidence,
  WITHOUT_REASON,
} from './evidence.ts';
import type { ClaimCall } from './record.ts';
import type { Violation } from './violation.ts';

/** I4: who was told that they hold a unit holds it, durably: the claim of that id is theirs. */
export function* checkDurable({ attempts, statuses, existing }: Evidence): Generator<Violation> {
  for (const { call, known } of attempts) {
    if (known !== 'claimed') continue;
    const claim = existing.get(call.claimId ?? '');
    if (claim?.user === call.user && claim.coupon === call.coupon) continue;
    const instead = claim ? `it belongs to ${claim.user} and "${claim.coupon}"` : 'there is no such claim';
    yield {
      invariant: 'I4',
      found: `${call.user} was told to hold "${call.coupon}" by the claim ${call.claimId}, but ${instead}; a durable claim expected`,
      requests: [call],
    };
  }
  for (const status of statuses)
    if (status.code === 'claimed' && !existing.has(status.claimId))
      yield {
        invariant: 'I4',
        found: `the claim ${status.claimId} was said to stand, but there is no such claim`,
        requests: [status],
      };
}

/** I5: nobody is refused whose claim stands, and "you hold one already" is true. Judged without releases. */
export function* checkRefusals({ coupons, existing, attempts }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values())
    for (const user of coupon.users.values()) {
      const refused = user.attempts.filter(({ known }) => known === 'refused');
      if (refused.length === 0) continue;
      const held = holdingOf(user);
      for (const attempt of refused) {
        const found = whyWrong(attempt, held, ownStands(attempt, existing) && !madeByLater(attempt, user));
        if (!found) continue;
        const who = `${user.name} was refused "${coupon.name}" (${attempt.code})`;
        yield { invariant: 'I5', found: `${who}, ${found}`, requests: [attempt.call, ...othersOf(attempt, user)] };
      }
    }
  yield* checkReusedKeys(attempts, existing);
}

/** Whether the claim of that id, or of that key, is of this very user and coupon. Statuses are judged with their claim. */
const ownStands = ({ call, claimId }: Attempt, existing: Evidence['existing']): boolean => {
  if (call.status === 202) return false;
  const own = existing.get(claimId ?? '');
  return own?.user === call.user && own.coupon === call.coupon;
};

/** A coupon may be created after a request was told that there is none; then another request under its key may get a unit. */
const madeByLater = ({ call, code }: Attempt, { attempts }: UserEvidence): boolean =>
  code === 'coupon_not_found' &&
  call.key !== undefined &&
  attempts.some(
    (other) =>
      other.call !== call &&
      other.call.key === call.key &&
      // What became of one that is unknown may have been decided at any time since.
      (other.known === 'unknown' || (other.known === 'claimed' && other.decidedAt > call.invokedAt)),
  );

/** Since when a user can have held a unit, and since when they had been told so. */
interface Holding {
  holds: boolean;
  possiblySince: number;
  toldSince: number;
}

const holdingOf = (user: UserEvidence): Holding => {
  const makers = user.claims.flatMap((claim) => makersOf(claim, user));
  const told = user.attempts.filter(({ known }) => known === 'claimed');
  return {
    holds: user.claims.length > 0,
    possiblySince: earliest(makers.map(({ call }) => call.invokedAt)),
    toldSince: earliest(told.map(({ decidedAt }) => decidedAt)),
  };
};

const whyWrong = (
  { call, code, claimId, decidedAt }: Attempt,
  { holds, possiblySince, toldSince }: Holding,
  ownStandsWrongly: boolean,
): string | undefined => {
  if (ownStandsWrongly) return `but this very claim ${claimId} stands; 200 expected`;
  if (holds && possiblySince === Number.POSITIVE_INFINITY)
    return 'but holds a unit that no other request can have got: its own claim stands; 200 expected';
  if (code === 'already_claimed' && !holds) return 'but holds no unit; a unit or out_of_stock expected';
  if (code === 'already_claimed' && possiblySince > decidedAt)
    return 'before the request that got the unit had been sent; a unit or out_of_stock expected';
  if (code !== 'already_claimed' && !WITHOUT_REASON.has(code) && toldSince < call.invokedAt)
    return 'but had been told before to hold a unit; already_claimed expected';
  return undefined;
};

/** A few of them: who sends a thousand requests is not shown a thousand times. */
const othersOf = (attempt: Attempt, { attempts }: UserEvidence): ClaimCall[] =>
  attempts
    .slice(0, 5)
    .map(({ call }) => call)
    .filter((call) => call !== attempt.call);

/**
 * A key is refused for another body. So it is wrong where every request with it had the same one, and to whoever's own claim
 * stands under it.
 */
function* checkReusedKeys(attempts: readonly Attempt[], existing: Evidence['existing']): Generator<Violation> {
  const keyed = attempts.filter(({ call }) => call.key !== undefined);
  for (const [key, all] of Map.groupBy(keyed, ({ call }) => call.key)) {
    const reused = all.filter(({ call, code }) => (code ?? call.code) === 'idempotency_key_reused');
    for (const attempt of reused.filter((one) => ownStands(one, existing)))
      yield {
        invariant: 'I5',
        found: `the key ${key} was refused to ${attempt.call.user} as used for another request, but their own claim ${attempt.claimId} stands under it; 200 expected`,
        requests: [attempt.call],
      };
    const bodies = new Set(all.map(({ call }) => JSON.stringify([call.user, call.coupon])));
    if (reused.length > 0 && bodies.size === 1)
      yield {
        invariant: 'I5',
        found: `the key ${key} was refused as used for another request, but there is only this one`,
        requests: all.map(({ call }) => call),
      };
  }
}

/** I6: first-time 200s = claims. A claim is told as new once, and not at all only where an answer was lost or is a 202. */
export function* checkTold({ coupons }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values()) yield* checkToldOf(coupon);
}

function* checkToldOf({ name, users }: CouponEvidence): Generator<Violation> {
  for (const user of users.values())
    for (const claim of user.claims) {
      const makers = makersOf(claim, user);
      const first = makers.filter(({ call }) => call.status === 200 && !call.replayed);
      if (first.length > 1)
        yield {
          invariant: 'I6',
          found: `the claim ${claim.id} of ${user.name} on "${name}" was told as new ${first.length} times; once expected`,
          requests: first.map(({ call }) => call),
        };
      const lost = makers.some(({ call, known }) => known === 'unknown' || call.status === 202);
      if (first.length === 0 && !lost)
        yield {
          invariant: 'I6',
          found: `${user.name} holds "${name}" by the claim ${claim.id}, which was told to nobody as new; one 200 expected`,
          requests: user.attempts.slice(0, 5).map(({ call }) => call),
        };
    }
}
