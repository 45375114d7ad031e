import { type Claim, laneOf } from '@flashclaim/core';
import { v7 as newClaimId } from 'uuid';
import { ProblemError } from '../problem.ts';
import type { Gather } from './gather.ts';
import { type Settled, WaitingClaim } from './waiting-claim.ts';

export interface SubmitOptions {
  /** One for each lane, by its number. */
  gathers: readonly Gather[];
  waitMs: number;
  pendingMax: number;
  /** Told of a decision that came after its caller was told `pending`. */
  settledLate: (claim: WaitingClaim, settled: Settled) => void;
}

/** Takes claims in: gives each an id, and hands it to the gathering of its coupon's lane. */
export const createSubmit = ({ gathers, waitMs, pendingMax, settledLate }: SubmitOptions) => {
  let pending = 0;
  const settled = (claim: WaitingClaim, what: Settled) => {
    pending--;
    if (claim.toldPending) settledLate(claim, what);
  };
  const lanes = gathers.map((gather) => ({ gather, listener: { hasten: () => gather.hasten(), settled } }));

  /** @throws ProblemError `overloaded` where too many claims wait in this process; nothing of the claim is done then. */
  return ({ userId, couponName }: Omit<Claim, 'id'>): WaitingClaim => {
    if (pending >= pendingMax)
      throw new ProblemError('overloaded', 'The claim was not taken, and nothing of it will be. Try again shortly.');
    pending++;
    const { gather, listener } = lanes[laneOf(couponName, lanes.length)] as (typeof lanes)[number];
    const claim = new WaitingClaim({ id: newClaimId(), userId, couponName }, waitMs, listener);
    gather.add(claim);
    return claim;
  };
};
