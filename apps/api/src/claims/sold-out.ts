import { COUPONS_REMEMBERED_MAX, type Decision, decideClaims, SOLD_OUT_READS_MAX } from '@flashclaim/core';
import { type Logger, type Mongo, type ReadSnapshot, readSnapshot } from '@flashclaim/service';
import type { StoreWatch } from '../stores/store-watch.ts';
import { Gather } from './gather.ts';
import type { WaitingClaim } from './waiting-claim.ts';

export interface SoldOutOptions {
  mongo: Mongo;
  mongoWatch: Pick<StoreWatch, 'answer' | 'away'>;
  log: Pick<Logger, 'warn'>;
  /** Takes the claims that can't be refused here: the lane decides them. */
  handOn: (claim: WaitingClaim) => void;
}

/** By a session, because a primary that has just been elected may know less than the one before: then it is waited for. */
const readTogether = (mongo: Mongo, claims: readonly WaitingClaim[]): Promise<ReadSnapshot> =>
  mongo.client.withSession({ causalConsistency: true }, (session) =>
    readSnapshot(mongo, { session, readConcern: 'majority' }, claims),
  );

/** What a read of a sold-out coupon decides of claims whose ids do not stand. */
const REFUSALS: ReadonlySet<Decision> = new Set(['already_claimed', 'out_of_stock']);

/**
 * Sold out is a read: once a worker has reported a coupon empty, its claims need no job to be refused.
 *
 * What is remembered is only which coupons to look at. Each batch of claims is decided by a majority read that begins after
 * the claims have come, by the same function as everywhere, and only refusals are taken from it, and what stands under an
 * idempotency key: a restock, a release or a new coupon of the same name is seen by the next batch. Losing this memory costs
 * speed alone.
 */
export class SoldOut {
  readonly #coupons = new Set<string>();
  /** Taken, and not yet refused or handed on. */
  readonly #claims = new Set<WaitingClaim>();
  readonly #options: SoldOutOptions;
  readonly #gather = new Gather({
    underWayMax: SOLD_OUT_READS_MAX,
    send: (claims) => this.#decide(claims),
  });

  constructor(options: SoldOutOptions) {
    this.#options = options;
  }

  /** A worker has found nothing left of this coupon. */
  remember(couponName: string): void {
    // Refused by what is remembered: nothing new, and no reason to make room.
    if (this.#coupons.has(couponName)) return;
    if (this.#coupons.size >= COUPONS_REMEMBERED_MAX) this.#coupons.clear();
    this.#coupons.add(couponName);
  }

  /** Takes a claim, if its coupon is remembered as sold out. */
  take(claim: WaitingClaim): boolean {
    if (!this.#coupons.has(claim.couponName)) return false;
    this.#claims.add(claim);
    this.#gather.add(claim);
    return true;
  }

  /** Hands a claim on whose wait is over, if it is here: only in a lane is it decided whatever becomes of this process. */
  giveUp(claim: WaitingClaim): boolean {
    if (!this.#claims.delete(claim)) return false;
    this.#options.handOn(claim);
    return true;
  }

  async #decide(claims: readonly WaitingClaim[]): Promise<void> {
    const { mongo, mongoWatch } = this.#options;
    try {
      const snapshot = await mongoWatch.answer(() => readTogether(mongo, claims));
      const decisions = decideClaims(snapshot, claims);
      claims.forEach((claim, index) => {
        if (!this.#claims.delete(claim)) return;
        const decision = decisions[index] as Decision;
        // Where units remain, the decisions rest on grants that only a lane can make.
        const soldOut = snapshot.remaining.get(claim.couponName) === 0;
        if (!soldOut) this.#coupons.delete(claim.couponName);
        // A primary that has just been elected may show a claim and, a moment before, not yet its coupon.
        const standing = snapshot.couponIds.has(claim.couponName) && snapshot.standing.get(claim.id);
        if (standing) claim.settle({ decision, claimedAt: standing.claimedAt });
        else if (soldOut && REFUSALS.has(decision)) claim.settle({ decision, claimedAt: 0 });
        else this.#options.handOn(claim);
      });
    } catch (error) {
      if (mongoWatch.away) {
        for (const claim of claims) if (this.#claims.delete(claim)) claim.settle('unavailable');
        return;
      }
      this.#options.log.warn(
        { error: (error as Error).message },
        'sold-out coupons could not be read; their lanes decide',
      );
      for (const claim of claims) this.giveUp(claim);
    }
  }
}
