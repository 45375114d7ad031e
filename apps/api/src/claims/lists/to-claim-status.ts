import type { ClaimFields, ClaimStatus } from '@flashclaim/core';
import { toExistingClaim } from '@flashclaim/store';
import { toExistingStatus } from '../existing-status.ts';

/** The fields of a claim that lists read. */
export const LISTED_FIELDS = { user_id: 1, coupon_id: 1, coupon_name: 1, claimed_at: 1, sequence: 1, ended_at: 1 };

/** The status of a stored claim, live or released. */
export const toClaimStatus = (claim: ClaimFields): ClaimStatus => toExistingStatus(toExistingClaim(claim));
