import { type Attempt, keyOf, WITHOUT_REASON } from './attempts.ts';
import type { CouponEvidence, Evidence, UserEvidence } from './evidence.ts';
import type { Life } from './lives.ts';
import type { ClaimCall } from './record.ts';
import type { Violation } from './violation.ts';

/** I5: no request is refused whose claim is live; `already_claimed` and `claim_released` are true. */
export function* checkRefusals({ coupons, lives, attempts }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values())
    for (const user of coupon.users.values()) {
      const refused = user.attempts.filter(({ known }) => known === 'refused');
      if (refused.length > 0) yield* checkUser(coupon, user, refused, lives);
    }
  yield* checkReusedKeys(attempts, lives);
}

function* checkUser(
  coupon: CouponEvidence,
  user: UserEvidence,
  refused: readonly Attempt[],
  lives: Evidence['lives'],
): Generator<Violation> {
  const held = user.claims.map(({ id }) => lives.get(id) as Life);
  for (const attempt of refused) {
    const own = ownClaimOf(attempt, lives);
    const found =
      (own && whyOwnWrong(attempt, own, user)) ?? whyWrong(attempt, held, own) ?? whyNotOut(attempt, held, coupon);
    if (!found) continue;
    const who = `${user.name} was refused "${coupon.name}" (${attempt.code})`;
    yield { invariant: 'I5', found: `${who}, ${found}`, requests: [attempt.call, ...othersOf(attempt, user)] };
  }
}

/** The claim of this id or key, if it belongs to this user and coupon. Statuses are judged elsewhere, with their claim. */
const ownClaimOf = ({ call, claimId }: Attempt, lives: Evidence['lives']): Life | undefined => {
  if (call.status === 202) return undefined;
  const own = lives.get(claimId ?? '');
  return own?.claim.user === call.user && own.claim.coupon === call.coupon ? own : undefined;
};

/** What is wrong with a refusal of a request whose claim exists in the end. */
const whyOwnWrong = (attempt: Attempt, own: Life, user: UserEvidence): string | undefined => {
  const { call, code, claimId, decidedAt } = attempt;
  const isMaybeReleased = own.releasedFrom <= decidedAt;
  if (code === 'claim_released') return isMaybeReleased ? undefined : `but this claim ${claimId} was not released`;
  const isBefore = own.grantedBy < call.invokedAt;
  if (!isBefore && isMadeByLater(attempt, user)) return undefined;
  return `but this claim ${claimId} exists; ${isMaybeReleased ? '200 or claim_released' : '200'} expected`;
};

/** A request with the same key may have got a unit after the refusal. */
const isMadeByLater = ({ call }: Attempt, { attempts }: UserEvidence): boolean =>
  call.key !== undefined &&
  attempts.some(
    (other) =>
      other.call !== call &&
      other.call.key === call.key &&
      // A request with an unknown result may have been decided at any later time.
      (other.known === 'unknown' || (other.known === 'claimed' && other.decidedAt > call.invokedAt)),
  );

/** @param held all claims of the user, of which `own` is that of the request. */
const whyWrong = (attempt: Attempt, held: readonly Life[], own: Life | undefined): string | undefined => {
  const { call, code, decidedAt } = attempt;
  if (held.some(({ isAsked }) => !isAsked))
    return 'but holds a unit that no other request can have made: its own claim exists; 200 expected';
  if (code === 'claim_released') {
    if (held.some(({ releasedFrom }) => releasedFrom <= decidedAt)) return undefined;
    return 'but no claim of this user was released';
  }
  const others = held.filter((life) => life !== own);
  if (code === 'already_claimed') return whyNotClaimed(attempt, others);
  const isHolder = others.some(({ grantedBy, releasedFrom }) => grantedBy < call.invokedAt && releasedFrom > decidedAt);
  if (!WITHOUT_REASON.has(code) && isHolder)
    return 'but an earlier answer had granted a unit; already_claimed expected';
  return undefined;
};

/**
 * Why units must have remained whenever the user held none: a claim of the user was released during the request, and nobody can
 * have taken its unit since.
 */
const whyNotOut = (
  { call, code, decidedAt }: Attempt,
  held: readonly Life[],
  { lives, changes }: CouponEvidence,
): string | undefined => {
  if (code !== 'out_of_stock') return undefined;
  const released = held.find(({ grantedBy, releasedFrom }) => grantedBy < call.invokedAt && releasedFrom <= decidedAt);
  if (!released || released.releasedBy < call.invokedAt) return undefined;
  const after = released.releasedFrom;
  const isTaken = lives.some((life) => life !== released && life.grantedBy >= after && life.grantedFrom <= decidedAt);
  const isChanged = changes.some(({ set, invokedAt, answeredAt = Number.POSITIVE_INFINITY, error }) => {
    const isOver = error === undefined && answeredAt < after;
    return set.amount !== undefined && invokedAt <= decidedAt && !isOver;
  });
  if (isTaken || isChanged) return undefined;
  return `while the claim ${released.claim.id} of this user was released, and nobody took its unit; already_claimed or a unit expected`;
};

/** Why the user can't have held a unit at any moment of the request. */
const whyNotClaimed = ({ call, decidedAt }: Attempt, others: readonly Life[]): string | undefined => {
  const expected = 'a unit or out_of_stock expected';
  const begun = others.filter(({ grantedFrom }) => grantedFrom <= decidedAt);
  if (others.length === 0) return `but holds no unit; ${expected}`;
  if (begun.length === 0) return `before the request that made the claim was sent; ${expected}`;
  if (begun.every(({ releasedBy }) => releasedBy < call.invokedAt))
    return `after the release of the claim; ${expected}`;
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
function* checkReusedKeys(attempts: readonly Attempt[], lives: Evidence['lives']): Generator<Violation> {
  const keyed = attempts.filter(({ call }) => call.key !== undefined);
  for (const [key, all] of Map.groupBy(keyed, ({ call }) => keyOf(call))) {
    const reused = all.filter(({ call, code }) => (code ?? call.code) === 'idempotency_key_reused');
    for (const attempt of reused.filter((one) => ownClaimOf(one, lives)))
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
