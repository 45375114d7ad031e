import {
  CLOSED_REASONS,
  COUPONS_CACHED_MAX,
  type Decision,
  decideClaims,
  isClosedReason,
  unitOf,
} from '@flashclaim/core';
import type { Logger } from '@flashclaim/runtime';
import { type Mongo, type PendingClaim, type ReadSnapshot, readPendingClaims, readSnapshot } from '@flashclaim/store';
import { FreshReads } from '../stores/fresh-reads.ts';
import type { StoreWatch } from '../stores/store-watch.ts';
import { Batcher } from './batcher.ts';
import type { WaitingClaim } from './waiting-claim.ts';

/** Reads of closed coupons in flight: one travels while the answers of the other are written. */
const CLOSED_READS_MAX = 2;

export interface ClosedCouponsOptions {
  mongo: Mongo;
  mongoWatch: Pick<StoreWatch, 'answer' | 'isDown'>;
  log: Pick<Logger, 'warn'>;
  /** Takes the claims that only a lane can decide. */
  forward: (claim: WaitingClaim) => void;
}

/**
 * Both reads see one moment: otherwise a user whose unit is released between them would be refused as `out_of_stock`, which was
 * true at no moment. The read concern is spelled out, because that of the client would replace it.
 */
const readInSnapshot = (mongo: Mongo, claims: readonly WaitingClaim[]): Promise<ReadSnapshot> =>
  mongo.client.withSession({ snapshot: true }, (session) =>
    readSnapshot(mongo, { session, readConcern: 'snapshot' }, claims),
  );

interface ClosedRead {
  snapshot: ReadSnapshot;
  /** By claim id, of the claims with a key: an earlier request with the same key was answered `pending`. */
  pending: ReadonlyMap<string, readonly PendingClaim[]>;
}

/** The decisions that a read of a closed coupon may make. */
const REFUSALS: ReadonlySet<Decision> = new Set(['already_claimed', ...CLOSED_REASONS, 'out_of_stock']);

/** Whether a decision shows that its coupon is closed. */
export const isClosedBy = (decision: Decision): boolean => decision === 'out_of_stock' || isClosedReason(decision);

/**
 * Refuses claims for closed coupons by a read: they need no job. A coupon is closed if no unit remains, or if it accepts no claims
 * because it is paused, not started or ended.
 *
 * This process remembers only which coupons were closed. Each batch of claims is decided by a read that begins after the claims
 * arrived, with the same function as in a lane and by database time. Only refusals are taken from it, and claims that
 * exist under an idempotency key. So the next batch sees a restock, a release, the start of a sale, or a new coupon of the same
 * name. A lost memory costs speed only. The lane decides a claim whose key has a pending request.
 */
export class ClosedCoupons {
  readonly #coupons = new Set<string>();
  /** Taken, and neither refused nor forwarded yet. */
  readonly #claims = new Set<WaitingClaim>();
  readonly #options: ClosedCouponsOptions;
  readonly #reads: FreshReads;
  readonly #batcher = new Batcher({
    inFlightMax: CLOSED_READS_MAX,
    send: (claims) => this.#decide(claims),
  });

  constructor(options: ClosedCouponsOptions) {
    this.#options = options;
    this.#reads = new FreshReads(options.mongo);
  }

  /** A worker found that this coupon is closed. */
  remember(couponName: string): void {
    if (this.#coupons.has(couponName)) return;
    if (this.#coupons.size >= COUPONS_CACHED_MAX) this.#coupons.clear();
    this.#coupons.add(couponName);
  }

  /** Takes a claim, if its coupon is remembered as closed. */
  take(claim: WaitingClaim): boolean {
    if (!this.#coupons.has(claim.couponName)) return false;
    this.#claims.add(claim);
    this.#batcher.add(claim);
    return true;
  }

  /** Forwards a claim whose wait is over, if it is here: only a lane decides it without this process. */
  release(claim: WaitingClaim): boolean {
    if (!this.#claims.delete(claim)) return false;
    this.#options.forward(claim);
    return true;
  }

  #read(claims: readonly WaitingClaim[]): Promise<ClosedRead> {
    const { mongo } = this.#options;
    const keyed = claims.flatMap(({ id, requestId }) => (requestId === undefined ? [] : [id]));
    return this.#reads.read(async (session) => ({
      snapshot: await (session ? readSnapshot(mongo, { session }, claims) : readInSnapshot(mongo, claims)),
      pending: keyed.length === 0 ? new Map() : await readPendingClaims(mongo, keyed, session),
    }));
  }

  async #decide(claims: readonly WaitingClaim[]): Promise<void> {
    const { mongoWatch } = this.#options;
    try {
      const { snapshot, pending } = await mongoWatch.answer(() => this.#read(claims));
      const decisions = decideClaims(snapshot, claims);
      claims.forEach((claim, index) => {
        if (!this.#claims.delete(claim)) return;
        const decision = decisions[index] as Decision;
        // Where a coupon is open, the decisions depend on grants that only a lane can make.
        const isClosed = snapshot.remaining.get(claim.couponName) === 0 || snapshot.closed.has(claim.couponName);
        if (!isClosed) this.#coupons.delete(claim.couponName);
        // A claim may be found that was made after its coupon was not found yet.
        const existing = snapshot.couponIds.has(claim.couponName) && snapshot.existing.get(claim.id);
        if (existing) claim.settle({ ...unitOf(existing), decision });
        else if (isClosed && REFUSALS.has(decision) && !pending.has(claim.id)) claim.settle({ decision });
        else this.#options.forward(claim);
      });
    } catch (error) {
      if (mongoWatch.isDown) {
        for (const claim of claims) if (this.#claims.delete(claim)) claim.settle('unavailable');
        return;
      }
      this.#options.log.warn(
        { error: (error as Error).message },
        'closed coupons could not be read; their lanes decide the claims',
      );
      for (const claim of claims) this.release(claim);
    }
  }
}
