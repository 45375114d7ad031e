import { type Attempt, isGranted, isUnknown, makersOf } from './attempts.ts';
import type { ReleaseCall, StatusCall } from './record.ts';
import { earliest, SortedTimes } from './sorted-times.ts';
import type { ExistingClaim } from './state.ts';

const NEVER = Number.POSITIVE_INFINITY;
const ALWAYS = Number.NEGATIVE_INFINITY;

/** Bounds of the times at which a claim was granted and released, on the clock of the history. */
export interface Life {
  claim: ExistingClaim;
  /** Whether a request of the history can have made it. */
  isAsked: boolean;
  /** It was granted at or after this time: when the first request that can have made it was sent. */
  grantedFrom: number;
  /** It was granted before this time: an answer said so. Infinity where no answer did. */
  grantedBy: number;
  /** It was released at or after this time, if ever. Infinity where it is live at the end. */
  releasedFrom: number;
  /** It was released before this time: an answer said so. Infinity where no answer did. */
  releasedBy: number;
}

interface Owner {
  users: ReadonlyMap<string, { claims: readonly ExistingClaim[]; attempts: readonly Attempt[] }>;
}

interface Calls {
  attempts: readonly Attempt[];
  statuses: readonly StatusCall[];
  releases: readonly ReleaseCall[];
}

/** The lives of the claims of these coupons. */
export function* livesOf(coupons: Iterable<Owner>, calls: Calls): Generator<Life> {
  const answers = new ClaimAnswers(calls);
  for (const { users } of coupons) {
    const lives = [...users.values()].flatMap((user) =>
      user.claims.map((claim) => answers.toLife(claim, makersOf(claim, user))),
    );
    // Sequence numbers are given in the order of the grants, so each claim also bounds the times of the others.
    lives.sort((a, b) => a.claim.sequence - b.claim.sequence);
    if (isInOrder(lives)) tighten(lives);
    yield* lives;
  }
}

/** The first claim of these, in the order of their numbers, that was granted before one with a smaller number was requested. */
export const findUnordered = (lives: readonly Life[]): { first: Life; second: Life } | undefined => {
  let latest: Life | undefined;
  for (const life of lives) {
    if (latest && life.grantedBy < latest.grantedFrom) return { first: latest, second: life };
    if (!latest || life.grantedFrom > latest.grantedFrom) latest = life;
  }
  return undefined;
};

const isInOrder = (lives: readonly Life[]): boolean =>
  lives.every(({ claim }, index) => index === 0 || claim.sequence > (lives[index - 1] as Life).claim.sequence) &&
  findUnordered(lives) === undefined;

const tighten = (lives: readonly Life[]): void => {
  let from = ALWAYS;
  for (const life of lives) {
    from = Math.max(from, life.grantedFrom);
    life.grantedFrom = from;
    life.releasedFrom = Math.max(from, life.releasedFrom);
  }
  let by = NEVER;
  for (const life of lives.toReversed()) {
    by = Math.min(by, life.grantedBy);
    life.grantedBy = by;
  }
};

/** The first answer of each kind about each claim. */
class ClaimAnswers {
  readonly #granted = new Map<string, number>();
  readonly #released = new Map<string, number>();
  readonly #releaseSent = new Map<string, number>();

  constructor({ attempts, statuses, releases }: Calls) {
    for (const { claimId, known, code, decidedAt } of attempts) {
      if (claimId === undefined) continue;
      if (known === 'claimed' || code === 'claim_released') keepFirst(this.#granted, claimId, decidedAt);
      if (code === 'claim_released') keepFirst(this.#released, claimId, decidedAt);
    }
    for (const { claimId, status, code, answeredAt = NEVER } of statuses) {
      if (status !== 200 || !isGranted(code)) continue;
      keepFirst(this.#granted, claimId, answeredAt);
      if (code === 'released') keepFirst(this.#released, claimId, answeredAt);
    }
    for (const call of releases) {
      const { claimId, answeredAt = NEVER } = call;
      if (mayRelease(call)) keepFirst(this.#releaseSent, claimId, call.invokedAt);
      if (call.status !== 200) continue;
      keepFirst(this.#granted, claimId, answeredAt);
      keepFirst(this.#released, claimId, answeredAt);
    }
  }

  toLife(claim: ExistingClaim, makers: readonly Attempt[]): Life {
    const { id, live } = claim;
    return {
      claim,
      isAsked: makers.length > 0,
      // A claim without a request in this history may be older than the history.
      grantedFrom: makers.length > 0 ? earliest(makers.map(({ call }) => call.invokedAt)) : ALWAYS,
      grantedBy: this.#granted.get(id) ?? NEVER,
      // A release that no caller requested is reported elsewhere.
      releasedFrom: live ? NEVER : (this.#releaseSent.get(id) ?? ALWAYS),
      releasedBy: live ? NEVER : (this.#released.get(id) ?? NEVER),
    };
  }
}

/** Whether a release may have had an effect. */
export const mayRelease = (call: ReleaseCall): boolean => call.status === 200 || call.status === 202 || isUnknown(call);

const keepFirst = (times: Map<string, number>, id: string, time: number): void => {
  times.set(id, Math.min(times.get(id) ?? NEVER, time));
};

/** Bounds of the number of live claims of a coupon at the moments of an interval. */
export class UnitFlow {
  readonly #grantedFrom: SortedTimes;
  readonly #grantedBy: SortedTimes;
  readonly #releasedFrom: SortedTimes;
  readonly #releasedBy: SortedTimes;

  constructor(lives: readonly Life[]) {
    const ended = lives.filter(({ claim }) => !claim.live);
    this.#grantedFrom = new SortedTimes(lives.map(({ grantedFrom }) => grantedFrom));
    this.#grantedBy = new SortedTimes(lives.map(({ grantedBy }) => grantedBy));
    this.#releasedFrom = new SortedTimes(ended.map(({ releasedFrom }) => releasedFrom));
    this.#releasedBy = new SortedTimes(ended.map(({ releasedBy }) => releasedBy));
  }

  /** Claims that were certainly granted before this time. */
  granted(at: number): number {
    return this.#grantedBy.before(at);
  }

  /** Claims that were certainly granted before or at this time. */
  grantedUntil(at: number): number {
    return this.#grantedBy.until(at);
  }

  /** Claims that can have been granted until this time. */
  maybeGranted(at: number): number {
    return this.#grantedFrom.until(at);
  }

  /** Claims that were certainly released before this time. */
  released(at: number): number {
    return this.#releasedBy.before(at);
  }

  /** Claims that can have been released until this time. */
  maybeReleased(at: number): number {
    return this.#releasedFrom.until(at);
  }

  /** At no moment of the interval were fewer claims live. */
  liveMin(from: number, to: number): number {
    return this.granted(from) - this.maybeReleased(to);
  }

  /** At no moment of the interval were more claims live. */
  liveMax(from: number, to: number): number {
    return this.maybeGranted(to) - this.released(from);
  }
}
