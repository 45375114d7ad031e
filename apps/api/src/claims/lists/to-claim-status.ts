import type { ClaimFields, ClaimStatus } from '@flashclaim/core';
import { toExistingClaim } from '@flashclaim/store';
import { toExistingStatus } from '../existing-status.ts';

/** The fields of a claim that `toClaimStatus` needs. */
export const STATUS_FIELDS = { user_id: 1, coupon_name: 1, claimed_at: 1, sequence: 1, ended_at: 1 };
export type StatusFields = Pick<ClaimFields, '_id' | keyof typeof STATUS_FIELDS>;

/** The status of a stored claim, live or released. */
export const toClaimStatus = (claim: StatusFields): ClaimStatus => toExistingStatus(toExistingClaim(claim));
