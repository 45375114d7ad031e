import { findMisplacedTime } from '@flashclaim/core';
import { invalidRequest, NO_SUCH_COUPON, ProblemError } from '../http/problem.ts';
import type { ChangeOutcome } from './change-coupon.ts';

type Refusal = Exclude<ChangeOutcome, { outcome: 'changed' | 'unchanged' }>;

/** The problem with which a change is answered that was not made. */
export const problemOfChange = (refusal: Refusal): ProblemError => {
  switch (refusal.outcome) {
    case 'coupon_not_found':
      return new ProblemError('coupon_not_found', NO_SUCH_COUPON);
    case 'version_conflict':
      return new ProblemError(
        'version_conflict',
        `The coupon has version ${refusal.version}. Read it, and decide again.`,
      );
    case 'amount_below_claimed':
      return new ProblemError('amount_below_claimed', `${refusal.claimed} units are claimed: amount can't be less.`);
    case 'ends_before_start':
      return misplacedTime(refusal.field);
  }
};

/**
 * Checks the times of a request by themselves.
 * @throws ProblemError where it has both, in the wrong order.
 */
export const requireOrder = (request: Parameters<typeof findMisplacedTime>[1]): void => {
  const field = findMisplacedTime({}, request);
  if (field) throw misplacedTime(field);
};

const misplacedTime = (field: 'starts_at' | 'ends_at'): ProblemError =>
  invalidRequest(
    field === 'ends_at' ? 'ends_at must be later than starts_at.' : 'starts_at must be earlier than ends_at.',
    { pointer: `#/${field}` },
  );
