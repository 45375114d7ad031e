import { CLAIMED_BY_MAX } from '@flashclaim/core';
import { type Attempt, type CouponEvidence, type Evidence, earliest, makersOf, WITHOUT_REASON } from './evidence.ts';
import type { ReadCall } from './record.ts';
import type { Violation } from './violation.ts';

/** I1: no more claims than units. I2: one unit for each user. I3: remaining + claims = amount, in the database and in every read. */
export function* checkStock({ coupons, reads }: Evidence): Generator<Violation> {
  for (const { name, stock, claims, users } of coupons.values()) {
    if (!stock) continue;
    const { amount, remaining } = stock;
    if (claims.length > amount)
      yield {
        invariant: 'I1',
        found: `"${name}" has ${claims.length} claims; at most ${amount} expected`,
        requests: [],
      };
    if (remaining + claims.length !== amount)
      yield {
        invariant: 'I3',
        found: `"${name}": ${remaining} remain and ${claims.length} are claimed; ${amount} together expected`,
        requests: [],
      };
    for (const user of users.values())
      if (user.claims.length > 1)
        yield {
          invariant: 'I2',
          found: `${user.name} holds ${user.claims.length} units of "${name}"; one expected`,
          requests: user.attempts.map(({ call }) => call),
        };
  }
  for (const read of reads) {
    if (read.status !== 200) continue;
    const { coupon, amount = 0, remaining = 0, claimed = 0, listed, limit = CLAIMED_BY_MAX } = read;
    const expected = Math.min(claimed, limit);
    if (remaining + claimed !== amount)
      yield {
        invariant: 'I3',
        found: `a read of "${coupon}" said that ${remaining} remain and ${claimed} are claimed; ${amount} together expected`,
        requests: [read],
      };
    else if (listed !== undefined && listed !== expected)
      yield {
        invariant: 'I3',
        found: `a read of "${coupon}" listed ${listed} users of ${claimed} claims; ${expected} expected`,
        requests: [read],
      };
  }
}

/**
 * I3: a read contains every unit that was answered as granted, or was read, before the read was requested. Assumes that no unit
 * is returned.
 */
export function* checkFreshReads({ coupons, reads }: Evidence): Generator<Violation> {
  for (const [name, inOrder] of byCoupon(reads)) {
    const users = [...(coupons.get(name)?.users.values() ?? [])];
    const granted = users
      .map(({ attempts }) => firstGrant(attempts))
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    const seen = inOrder.map(({ answeredAt = 0, claimed = 0 }) => ({ answeredAt, claimed }));
    seen.sort((a, b) => a.answeredAt - b.answeredAt);
    let grants = 0;
    let earlier = 0;
    let least = 0;
    for (const read of inOrder.sort((a, b) => a.invokedAt - b.invokedAt)) {
      while ((granted[grants] ?? Number.POSITIVE_INFINITY) < read.invokedAt) grants++;
      for (let next = seen[earlier]; next && next.answeredAt < read.invokedAt; next = seen[++earlier])
        least = Math.max(least, next.claimed);
      const expected = Math.max(least, grants);
      if ((read.claimed ?? 0) < expected)
        yield {
          invariant: 'I3',
          found: `a read of "${name}" said that ${read.claimed} are claimed, when ${expected} were known; at least as many expected`,
          requests: [read],
        };
    }
  }
}

/** The reads that found their coupon, by its name. */
const byCoupon = (reads: readonly ReadCall[]): Map<string, ReadCall[]> =>
  Map.groupBy(
    reads.filter(({ status }) => status === 200),
    ({ coupon }) => coupon,
  );

const firstGrant = (attempts: readonly Attempt[]): number =>
  earliest(attempts.filter(({ known }) => known === 'claimed').map(({ decidedAt }) => decidedAt));

/**
 * I8: no user is refused while a unit remains. Assumes that no unit is returned or added.
 */
export function* checkUndersell(evidence: Evidence): Generator<Violation> {
  for (const coupon of evidence.coupons.values()) {
    yield* checkNotFound(evidence, coupon);
    if (!coupon.stock) continue;
    const { amount, remaining } = coupon.stock;
    const refused = coupon.attempts.filter(({ code }) => code === 'out_of_stock');
    const decided = new Set(coupon.attempts.filter(wantedUnit).map(({ call }) => call.user));
    if (remaining > 0 && decided.size >= amount)
      yield {
        invariant: 'I8',
        found: `${remaining} units of "${coupon.name}" remain, although ${decided.size} users asked; 0 of ${amount} expected`,
        requests: refused.map(({ call }) => call),
      };
    else yield* checkRefusedTooEarly(coupon, amount, refused);
  }
}

/** Whether the outcome depended on the units that remained. */
const wantedUnit = ({ known, code }: Attempt): boolean =>
  known === 'claimed' || code === 'already_claimed' || code === 'out_of_stock';

/** `out_of_stock` is true only if all units can have been taken by then: at least that many existing claims had been requested. */
function* checkRefusedTooEarly(
  coupon: CouponEvidence,
  amount: number,
  refused: readonly Attempt[],
): Generator<Violation> {
  const { name, claims, users } = coupon;
  const askedAt = claims
    .map((claim) => {
      const user = users.get(claim.user);
      const makers = user ? makersOf(claim, user) : [];
      return earliest(makers.map(({ call }) => call.invokedAt));
    })
    // A claim without a request in this history may be older than the history.
    .map((at) => (at === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : at))
    .sort((a, b) => a - b);
  const exhaustedAt = askedAt[amount - 1] ?? Number.POSITIVE_INFINITY;
  const early = refused.filter(({ decidedAt }) => decidedAt < exhaustedAt).sort((a, b) => a.decidedAt - b.decidedAt);
  const [first] = early;
  if (!first) return;
  const asked = askedAt.filter((at) => at < first.decidedAt).length;
  yield {
    invariant: 'I8',
    found: `${early.length} users were refused "${name}" as out of stock too early: ${first.call.user} when at most ${asked} of ${amount} units can have been taken; 200 expected`,
    requests: early.map(({ call }) => call),
  };
}

const DOES_NOT_PROVE_COUPON: ReadonlySet<string | undefined> = new Set(['coupon_not_found', ...WITHOUT_REASON]);

/** A coupon that one caller has seen exists from then on. */
function* checkNotFound({ reads, creates }: Evidence, { name, attempts }: CouponEvidence): Generator<Violation> {
  const missed = attempts.filter(({ code }) => code === 'coupon_not_found');
  if (missed.length === 0) return;
  const seen = [
    ...creates.filter(({ coupon, status }) => coupon === name && (status === 201 || status === 409)),
    ...reads.filter(({ coupon, status }) => coupon === name && status === 200),
  ].map(({ answeredAt }) => answeredAt ?? Number.POSITIVE_INFINITY);
  const decided = attempts
    .filter(({ known, code }) => known === 'claimed' || (known === 'refused' && !DOES_NOT_PROVE_COUPON.has(code)))
    .map(({ decidedAt }) => decidedAt);
  const since = earliest([...seen, ...decided]);
  for (const { call } of missed)
    if (call.invokedAt > since)
      yield {
        invariant: 'I8',
        found: `${call.user} was answered that "${name}" does not exist, although it had been seen before`,
        requests: [call],
      };
}
