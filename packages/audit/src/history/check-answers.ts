import { type Attempt, type CouponEvidence, type Evidence, earliest, makersOf, type UserEvidence } from './evidence.ts';
import type { ClaimCall } from './record.ts';
import type { Violation } from './violation.ts';

/** I4: who was told that they hold a unit holds it, durably: the claim of that id is theirs. */
export function* checkDurable({ attempts, statuses, standing }: Evidence): Generator<Violation> {
  for (const { call, known } of attempts) {
    if (known !== 'claimed') continue;
    const claim = standing.get(call.claimId ?? '');
    if (claim?.user === call.user && claim.coupon === call.coupon) continue;
    const instead = claim ? `it belongs to ${claim.user} and "${claim.coupon}"` : 'there is no such claim';
    yield {
      invariant: 'I4',
      found: `${call.user} was told to hold "${call.coupon}" by the claim ${call.claimId}, but ${instead}; a durable claim expected`,
      requests: [call],
    };
  }
  for (const status of statuses)
    if (status.code === 'claimed' && !standing.has(status.claimId))
      yield {
        invariant: 'I4',
        found: `the claim ${status.claimId} was said to stand, but there is no such claim`,
        requests: [status],
      };
}

/** I5: nobody is refused whose claim stands, and "you hold one already" is true. Judged without releases. */
export function* checkRefusals({ coupons, standing, attempts }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values())
    for (const user of coupon.users.values()) {
      const refused = user.attempts.filter(({ known }) => known === 'refused');
      if (refused.length === 0) continue;
      const held = holdingOf(user);
      for (const attempt of refused) {
        const own = standing.get(attempt.claimId ?? '');
        const found = whyWrong(attempt, held, own?.user === user.name && own.coupon === coupon.name);
        if (!found) continue;
        const who = `${user.name} was refused "${coupon.name}" (${attempt.code})`;
        yield { invariant: 'I5', found: `${who}, ${found}`, requests: [attempt.call, ...othersOf(attempt, user)] };
      }
    }
  yield* checkReusedKeys(attempts);
}

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
  ownStands: boolean,
): string | undefined => {
  if (ownStands) return `but this very claim ${claimId} stands; 200 expected`;
  if (holds && possiblySince === Number.POSITIVE_INFINITY)
    return 'but holds a unit that no other request can have got: its own claim stands; 200 expected';
  if (code === 'already_claimed' && !holds) return 'but holds no unit; a unit or out_of_stock expected';
  if (code === 'already_claimed' && possiblySince >= decidedAt)
    return 'before the request that got the unit had been sent; a unit or out_of_stock expected';
  // `unavailable` names no reason: it is what a status says of a claim whose job failed for good.
  if (code !== 'already_claimed' && code !== 'unavailable' && toldSince < call.invokedAt)
    return 'but had been told before to hold a unit; already_claimed expected';
  return undefined;
};

/** A few of them: who sends a thousand requests is not shown a thousand times. */
const othersOf = (attempt: Attempt, { attempts }: UserEvidence): ClaimCall[] =>
  attempts
    .slice(0, 5)
    .map(({ call }) => call)
    .filter((call) => call !== attempt.call);

/** A key is refused for another body; where every request with it had the same one, it is the caller's own claim. */
function* checkReusedKeys(attempts: readonly Attempt[]): Generator<Violation> {
  const keyed = attempts.filter(({ call }) => call.key !== undefined);
  for (const [key, all] of Map.groupBy(keyed, ({ call }) => call.key)) {
    const reused = all.filter(({ call }) => call.code === 'idempotency_key_reused');
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
