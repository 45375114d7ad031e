import { laneAgeMaxMs, laneOf } from '@flashclaim/core';
import type { Logger, Mongo } from '@flashclaim/service';
import type { StoreWatch } from '../stores/store-watch.ts';
import { claimIdOfKey, newClaimId } from './claim-id.ts';
import type { Gather } from './gather.ts';
import { type Intake, OVERLOADED, type Refusal } from './intake.ts';
import type { PendingClaims } from './pending-claims.ts';
import { points } from './points.ts';
import { SoldOut } from './sold-out.ts';
import { type Settled, WaitingClaim } from './waiting-claim.ts';

export interface SubmitOptions {
  /** One for each lane, by its number. */
  gathers: readonly Gather[];
  mongo: Mongo;
  mongoWatch: StoreWatch;
  log: Pick<Logger, 'warn'>;
  waitMaxMs: number;
  intake: Intake;
  pendingClaims: Pick<PendingClaims, 'isFull'>;
}

/** A claim as it comes in. */
export interface ClaimRequest {
  userId: string;
  couponName: string;
  /** The caller's idempotency key, and what tells this request from the others under it. */
  keyed?: { key: string; requestId: string } | undefined;
  /** Where the caller waits for less than the deployment would. */
  waitMs?: number | undefined;
}

/** Takes claims in: gives each an id, and hands it to the gathering of its coupon's lane. */
export const createSubmit = (options: SubmitOptions) => {
  const { gathers, mongo, mongoWatch, log, waitMaxMs, intake, pendingClaims } = options;
  const gatherOf = (couponName: string) => gathers[laneOf(couponName, gathers.length)] as Gather;
  const soldOut = new SoldOut({ mongo, mongoWatch, log, handOn: (claim) => gatherOf(claim.couponName).add(claim) });
  const ageMaxMs = laneAgeMaxMs(waitMaxMs);
  const listener = {
    hasten: (claim: WaitingClaim) => {
      if (!soldOut.giveUp(claim)) gatherOf(claim.couponName).hasten();
    },
    settled: (claim: WaitingClaim, settled: Settled) => {
      intake.settled();
      if (typeof settled === 'object' && settled.decision === 'out_of_stock') soldOut.remember(claim.couponName);
    },
  };

  /** Returns a refusal where this process or the lane has too much to do; nothing of the claim is done then. */
  return ({ userId, couponName, keyed, waitMs = waitMaxMs }: ClaimRequest): WaitingClaim | Refusal => {
    const gather = gatherOf(couponName);
    // Asked again, now that the body is here: others may have come in between.
    const isFull = gather.isFull(ageMaxMs) || (waitMs === 0 && pendingClaims.isFull);
    const refusal = intake.refusal ?? (isFull ? OVERLOADED : undefined);
    if (refusal) return refusal;
    intake.taken();
    const id = keyed ? claimIdOfKey(keyed.key) : newClaimId();
    const claim = new WaitingClaim({ id, userId, couponName, requestId: keyed?.requestId }, waitMs, listener);
    points.submit.publish(claim);
    if (!soldOut.take(claim)) gather.add(claim);
    return claim;
  };
};
