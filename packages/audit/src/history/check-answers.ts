import { isGranted, makersOf } from './attempts.ts';
import type { CouponEvidence, Evidence } from './evidence.ts';
import type { ClaimCall, ReleaseCall, StatusCall } from './record.ts';
import type { Violation } from './violation.ts';

/**
 * I4: every answer that granted a unit is true: the claim of that id exists, for that user and coupon; and it was not granted
 * again after its release.
 */
export function* checkDurable(evidence: Evidence): Generator<Violation> {
  const { attempts, statuses, releases, existing, lives } = evidence;
  for (const { call, known } of attempts) {
    if (known !== 'claimed') continue;
    const claim = existing.get(call.claimId ?? '');
    const who = `${call.user} was granted "${call.coupon}" by the claim ${call.claimId}`;
    if (claim?.user !== call.user || claim.coupon !== call.coupon) {
      const actual = claim ? `it belongs to ${claim.user} and "${claim.coupon}"` : 'there is no such claim';
      yield i4(`${who}, but ${actual}; a durable claim expected`, call);
    } else if (call.status === 200 && (lives.get(claim.id)?.releasedBy ?? 0) < call.invokedAt)
      yield i4(`${who}, which had been released; claim_released expected`, call);
  }
  for (const status of statuses)
    if (status.status === 200 && isGranted(status.code) && !existing.has(status.claimId))
      yield i4(`the status of ${status.claimId} was ${status.code}, but there is no such claim`, status);
  for (const call of [...attempts.map((attempt) => attempt.call), ...statuses, ...releases])
    yield* checkUnit(call, evidence);
}

const i4 = (found: string, ...requests: Violation['requests']): Violation => ({ invariant: 'I4', found, requests });

/** I1: every answer has the number of its claim. I4: and the same times. */
function* checkUnit(call: ClaimCall | StatusCall | ReleaseCall, { existing }: Evidence): Generator<Violation> {
  const claim = existing.get(call.claimId ?? '');
  if (!claim || call.status !== 200) return;
  for (const field of ['sequence', 'claimedAt', 'endedAt'] as const) {
    const said = call[field];
    if (said === undefined || said === claim[field]) continue;
    const found = `the claim ${claim.id} was answered with ${field} ${said}; ${claim[field]} expected`;
    yield { invariant: field === 'sequence' ? 'I1' : 'I4', found, requests: [call] };
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
