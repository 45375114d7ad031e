import {
  type Attempt,
  type CouponEvidence,
  type Evidence,
  earliest,
  keyOf,
  makersOf,
  type UserEvidence,
  WITHOUT_REASON,
} from './evidence.ts';
import type { ClaimCall } from './record.ts';
import type { Violation } from './violation.ts';

/** I4: every answer that granted a unit is true: the claim of that id exists, for that user and coupon. */
export function* checkDurable({ attempts, statuses, existing }: Evidence): Generator<Violation> {
  for (const { call, known } of attempts) {
    if (known !== 'claimed') continue;
    const claim = existing.get(call.claimId ?? '');
    if (claim?.user === call.user && claim.coupon === call.coupon) continue;
    const actual = claim ? `it belongs to ${claim.user} and "${claim.coupon}"` : 'there is no such claim';
    yield {
      invariant: 'I4',
      found: `${call.user} was granted "${call.coupon}" by the claim ${call.claimId}, but ${actual}; a durable claim expected`,
      requests: [call],
    };
  }
  for (const status of statuses)
    if (status.code === 'claimed' && !existing.has(status.claimId))
      yield {
        invariant: 'I4',
        found: `the status of ${status.claimId} was claimed, but there is no such claim`,
        requests: [status],
      };
}

/** I5: no request is refused whose claim exists, and `already_claimed` is true. Assumes that no unit is returned. */
export function* checkRefusals({ coupons, existing, attempts }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values())
    for (const user of coupon.users.values()) {
      const refused = user.attempts.filter(({ known }) => known === 'refused');
      if (refused.length === 0) continue;
      const held = holdingOf(user);
      for (const attempt of refused) {
        const found = whyWrong(attempt, held, ownClaimExists(attempt, existing) && !madeByLater(attempt, user));
        if (!found) continue;
        const who = `${user.name} was refused "${coupon.name}" (${attempt.code})`;
        yield { invariant: 'I5', found: `${who}, ${found}`, requests: [attempt.call, ...othersOf(attempt, user)] };
      }
    }
  yield* checkReusedKeys(attempts, existing);
}

/** Whether the claim of this id or key belongs to this user and coupon. Statuses are judged elsewhere, with their claim. */
const ownClaimExists = ({ call, claimId }: Attempt, existing: Evidence['existing']): boolean => {
  if (call.status === 202) return false;
  const own = existing.get(claimId ?? '');
  return own?.user === call.user && own.coupon === call.coupon;
};

/** A coupon may be created after a request was answered `coupon_not_found`; then another request with its key may get a unit. */
const madeByLater = ({ call, code }: Attempt, { attempts }: UserEvidence): boolean =>
  code === 'coupon_not_found' &&
  call.key !== undefined &&
  attempts.some(
    (other) =>
      other.call !== call &&
      other.call.key === call.key &&
      // A request with an unknown result may have been decided at any later time.
      (other.known === 'unknown' || (other.known === 'claimed' && other.decidedAt > call.invokedAt)),
  );

/** Since when a user may have held a unit, and since when an answer had said so. */
interface Holding {
  holds: boolean;
  possiblySince: number;
  answeredSince: number;
}

const holdingOf = (user: UserEvidence): Holding => {
  const makers = user.claims.flatMap((claim) => makersOf(claim, user));
  const granted = user.attempts.filter(({ known }) => known === 'claimed');
  return {
    holds: user.claims.length > 0,
    possiblySince: earliest(makers.map(({ call }) => call.invokedAt)),
    answeredSince: earliest(granted.map(({ decidedAt }) => decidedAt)),
  };
};

const whyWrong = (
  { call, code, claimId, decidedAt }: Attempt,
  { holds, possiblySince, answeredSince }: Holding,
  isOwnClaimRefused: boolean,
): string | undefined => {
  if (isOwnClaimRefused) return `but this claim ${claimId} exists; 200 expected`;
  if (holds && possiblySince === Number.POSITIVE_INFINITY)
    return 'but holds a unit that no other request can have made: its own claim exists; 200 expected';
  if (code === 'already_claimed' && !holds) return 'but holds no unit; a unit or out_of_stock expected';
  if (code === 'already_claimed' && possiblySince > decidedAt)
    return 'before the request that made the claim was sent; a unit or out_of_stock expected';
  if (code !== 'already_claimed' && !WITHOUT_REASON.has(code) && answeredSince < call.invokedAt)
    return 'but an earlier answer had granted a unit; already_claimed expected';
  return undefined;
};

/** The first few other requests of the user. */
const othersOf = (attempt: Attempt, { attempts }: UserEvidence): ClaimCall[] =>
  attempts
    .slice(0, 5)
    .map(({ call }) => call)
    .filter((call) => call !== attempt.call);

/**
 * A key is refused for a request of the same user with another coupon. So the refusal is wrong if all requests of the user with
 * the key had the same coupon, and for the coupon on which the key made the claim.
 */
function* checkReusedKeys(attempts: readonly Attempt[], existing: Evidence['existing']): Generator<Violation> {
  const keyed = attempts.filter(({ call }) => call.key !== undefined);
  for (const [key, all] of Map.groupBy(keyed, ({ call }) => keyOf(call))) {
    const reused = all.filter(({ call, code }) => (code ?? call.code) === 'idempotency_key_reused');
    for (const attempt of reused.filter((one) => ownClaimExists(one, existing)))
      yield {
        invariant: 'I5',
        found: `the key ${key} was refused to ${attempt.call.user} as used for another request, but it made their own claim ${attempt.claimId}; 200 expected`,
        requests: [attempt.call],
      };
    const coupons = new Set(all.map(({ call }) => call.coupon));
    if (reused.length > 0 && coupons.size === 1)
      yield {
        invariant: 'I5',
        found: `the key ${key} was refused as used for another request, but there is only this one`,
        requests: all.map(({ call }) => call),
      };
  }
}

/** I6: each claim was answered as new exactly once. Zero times is possible if an answer was lost or was a 202. */
export function* checkFirstAnswers({ coupons }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values()) yield* checkFirstAnswersOf(coupon);
}

function* checkFirstAnswersOf({ name, users }: CouponEvidence): Generator<Violation> {
  for (const user of users.values())
    for (const claim of user.claims) {
      const makers = makersOf(claim, user);
      const first = makers.filter(({ call }) => call.status === 200 && !call.replayed);
      if (first.length > 1)
        yield {
          invariant: 'I6',
          found: `the claim ${claim.id} of ${user.name} on "${name}" was answered as new ${first.length} times; once expected`,
          requests: first.map(({ call }) => call),
        };
      const lost = makers.some(({ call, known }) => known === 'unknown' || call.status === 202);
      if (first.length === 0 && !lost)
        yield {
          invariant: 'I6',
          found: `${user.name} holds "${name}" by the claim ${claim.id}, which was never answered as new; one 200 expected`,
          requests: user.attempts.slice(0, 5).map(({ call }) => call),
        };
    }
}
