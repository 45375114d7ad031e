import { CLAIMED_BY_MAX } from '@flashclaim/core';
import type { CouponEvidence, Evidence } from './evidence.ts';
import type { ReadCall } from './record.ts';
import type { Violation } from './violation.ts';

/** I3: remaining + live claims = amount, in the database and in every read. */
export function* checkStock({ coupons, reads }: Evidence): Generator<Violation> {
  for (const { name, stock, claims } of coupons.values()) {
    if (!stock) continue;
    const { amount, remaining } = stock;
    const live = claims.filter((claim) => claim.live).length;
    if (remaining + live !== amount)
      yield {
        invariant: 'I3',
        found: `"${name}": ${remaining} remain and ${live} are claimed; ${amount} together expected`,
        requests: [],
      };
  }
  for (const read of reads) {
    const found = read.status === 200 ? whyUntrue(read) : undefined;
    if (found) yield { invariant: 'I3', found: `a read of "${read.coupon}" said that ${found}`, requests: [read] };
  }
}

/** What in a read contradicts the rest of it. */
const whyUntrue = (read: ReadCall): string | undefined => {
  const { amount = 0, remaining = 0, claimed = 0, listed, limit = CLAIMED_BY_MAX, state } = read;
  const expected = Math.min(claimed, limit);
  if (remaining + claimed !== amount)
    return `${remaining} remain and ${claimed} are claimed; ${amount} together expected`;
  if (listed !== undefined && listed !== expected)
    return `${claimed} are claimed, and listed ${listed} users; ${expected} expected`;
  if ((state === 'open' && remaining === 0) || (state === 'sold_out' && remaining > 0))
    return `it is ${state}, and ${remaining} remain`;
  return undefined;
};

/** I3: a read contains every change that was answered or read before it was requested, and none that came after it. */
export function* checkFreshReads({ coupons }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values()) {
    const inOrder = coupon.reads.filter(({ status }) => status === 200).sort((a, b) => a.invokedAt - b.invokedAt);
    // An earlier read shows how many claims had been granted by then, at least.
    const seen = inOrder
      .map(({ invokedAt, answeredAt = Number.POSITIVE_INFINITY, claimed = 0 }) => ({
        answeredAt,
        granted: claimed + coupon.flow.released(invokedAt),
      }))
      .sort((a, b) => a.answeredAt - b.answeredAt);
    let earlier = 0;
    let granted = 0;
    for (const read of inOrder) {
      for (let next = seen[earlier]; next && next.answeredAt < read.invokedAt; next = seen[++earlier])
        granted = Math.max(granted, next.granted);
      const found = whyNotFresh(coupon, read, granted);
      if (found) yield { invariant: 'I3', found: `a read of "${coupon.name}" said ${found}`, requests: [read] };
    }
  }
}

/** @param granted claims that earlier reads showed, at least. */
const whyNotFresh = ({ flow, settings }: CouponEvidence, read: ReadCall, granted: number): string | undefined => {
  const { invokedAt, answeredAt = Number.POSITIVE_INFINITY, claimed = 0, amount, version } = read;
  const least = Math.max(flow.granted(invokedAt), granted) - flow.maybeReleased(answeredAt);
  if (claimed < least) return `that ${claimed} are claimed, when ${least} were known; at least as many expected`;
  const most = flow.liveMax(invokedAt, answeredAt);
  if (claimed > most) return `that ${claimed} are claimed, when at most ${most} can have been`;
  const amounts = settings.possible('amount', invokedAt, answeredAt);
  if (amount !== undefined && amounts && !amounts.includes(amount))
    return `the amount ${amount}; ${amounts.join(' or ')} expected`;
  if (version === undefined) return undefined;
  const [low, high] = [settings.versions.least(invokedAt), settings.versions.greatest(answeredAt)];
  return version < low || version > high ? `the version ${version}; ${low} to ${high} expected` : undefined;
};
