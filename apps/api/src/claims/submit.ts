import { laneOf } from '@flashclaim/core';
import type { Logger, Mongo } from '@flashclaim/service';
import { ProblemError } from '../problem.ts';
import { claimIdOfKey, newClaimId } from './claim-id.ts';
import type { Gather } from './gather.ts';
import { SoldOut } from './sold-out.ts';
import { type Settled, WaitingClaim } from './waiting-claim.ts';

export interface SubmitOptions {
  /** One for each lane, by its number. */
  gathers: readonly Gather[];
  mongo: Mongo;
  log: Pick<Logger, 'warn'>;
  waitMaxMs: number;
  pendingMax: number;
  /** Told of a decision that came after its caller was told `pending`. */
  settledLate: (claim: WaitingClaim, settled: Settled) => void;
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
export const createSubmit = ({ gathers, mongo, log, waitMaxMs, pendingMax, settledLate }: SubmitOptions) => {
  const gatherOf = (couponName: string) => gathers[laneOf(couponName, gathers.length)] as Gather;
  const soldOut = new SoldOut({ mongo, log, handOn: (claim) => gatherOf(claim.couponName).add(claim) });
  let pending = 0;
  const listener = {
    hasten: (claim: WaitingClaim) => {
      if (!soldOut.giveUp(claim)) gatherOf(claim.couponName).hasten();
    },
    settled: (claim: WaitingClaim, settled: Settled) => {
      pending--;
      if (settled !== 'unavailable' && settled.decision === 'out_of_stock') soldOut.remember(claim.couponName);
      if (claim.toldPending) settledLate(claim, settled);
    },
  };

  /** @throws ProblemError `overloaded` where too many claims wait in this process; nothing of the claim is done then. */
  return ({ userId, couponName, keyed, waitMs = waitMaxMs }: ClaimRequest): WaitingClaim => {
    if (pending >= pendingMax)
      throw new ProblemError('overloaded', 'This request was not taken, and nothing of it will be. Try again shortly.');
    pending++;
    const id = keyed ? claimIdOfKey(keyed.key) : newClaimId();
    const claim = new WaitingClaim({ id, userId, couponName, requestId: keyed?.requestId }, waitMs, listener);
    if (!soldOut.take(claim)) gatherOf(couponName).add(claim);
    return claim;
  };
};
