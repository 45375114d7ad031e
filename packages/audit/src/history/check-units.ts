import type { CouponEvidence, Evidence, UserEvidence } from './evidence.ts';
import { findUnordered, type Life } from './lives.ts';
import type { Violation } from './violation.ts';

/** Numbers that a violation lists. */
const SHOWN_MAX = 5;

/** I1: no more live claims than units, at the end and at any time, and every unit has its own number. I2: one live claim for each user. */
export function* checkUnits({ coupons, lives }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values()) {
    if (!coupon.stock) continue;
    const live = coupon.claims.filter((claim) => claim.live).length;
    if (live > coupon.stock.amount)
      yield i1(`"${coupon.name}" has ${live} claims; at most ${coupon.stock.amount} expected`);
    else yield* checkOversold(coupon);
    yield* checkSequence(coupon);
    for (const user of coupon.users.values()) yield* checkUser(coupon.name, user, lives);
  }
}

const i1 = (found: string, requests: Violation['requests'] = []): Violation => ({ invariant: 'I1', found, requests });

/** Whenever a grant was answered, the units that were certainly granted and can't have been released fit into the amount. */
function* checkOversold({ name, lives, flow, settings }: CouponEvidence): Generator<Violation> {
  for (const { grantedBy } of lives) {
    if (!Number.isFinite(grantedBy)) continue;
    const live = flow.grantedUntil(grantedBy) - flow.maybeReleased(grantedBy);
    const amount = settings.amountMax(grantedBy, grantedBy);
    if (live <= amount) continue;
    yield i1(`"${name}" had ${live} live claims at ${grantedBy}; at most ${amount} expected`);
    return;
  }
}

/** The numbers of all claims of a coupon are 1, 2, 3 … `issued`, each once, in the order of the grants. */
function* checkSequence({ name, lives, stock }: CouponEvidence): Generator<Violation> {
  const issued = stock?.issued ?? 0;
  const numbers = new Set<number>();
  const repeated = lives.filter(({ claim: { sequence } }) => numbers.size === numbers.add(sequence).size);
  if (repeated.length > 0)
    yield i1(`"${name}": several claims have the number ${listOf(repeated.map(({ claim }) => claim.sequence))}`);
  const beyond = [...numbers].filter((number) => !(number >= 1 && number <= issued));
  if (beyond.length > 0)
    yield i1(`"${name}": claims have the number ${listOf(beyond)}; numbers from 1 to ${issued} expected`);
  const missing: number[] = [];
  if (numbers.size - beyond.length < issued)
    for (let number = 1; number <= issued && missing.length <= SHOWN_MAX; number++)
      if (!numbers.has(number)) missing.push(number);
  if (missing.length > 0)
    yield i1(`"${name}": no claim has the number ${listOf(missing)}; each up to ${issued} expected`);
  const unordered = repeated.length === 0 ? findUnordered(lives) : undefined;
  if (unordered) {
    const { first, second } = unordered;
    yield i1(
      `"${name}": the claim ${second.claim.id} has the number ${second.claim.sequence} and was granted before the claim ${first.claim.id} with the number ${first.claim.sequence} was requested; numbers in the order of the grants expected`,
    );
  }
}

const listOf = (numbers: readonly number[]): string =>
  numbers.length > SHOWN_MAX ? `${numbers.slice(0, SHOWN_MAX).join(', ')} …` : numbers.join(', ');

/** A claim of a user is granted only after the one before it was released. */
function* checkUser(
  coupon: string,
  { name: user, claims, attempts }: UserEvidence,
  lives: Evidence['lives'],
): Generator<Violation> {
  if (claims.length < 2) return;
  const requests = attempts.map(({ call }) => call);
  const live = claims.filter((claim) => claim.live);
  if (live.length > 1) {
    yield { invariant: 'I2', found: `${user} holds ${live.length} units of "${coupon}"; one expected`, requests };
    return;
  }
  const own = claims.map(({ id }) => lives.get(id) as Life).sort((a, b) => a.claim.sequence - b.claim.sequence);
  for (const [index, life] of own.entries()) {
    const before = own[index - 1];
    if (!before || before.releasedFrom <= life.grantedBy) continue;
    const found = `${user} was granted "${coupon}" by the claim ${life.claim.id} before a release of the claim ${before.claim.id} was requested`;
    yield { invariant: 'I2', found, requests };
    return;
  }
}
