/** What tests run without a server. */
export { claimIdOfKey } from './claims/claim-id.ts';
export { Gather } from './claims/gather.ts';
export { preferenceApplied, readPrefer } from './claims/prefer.ts';
export { SoldOut } from './claims/sold-out.ts';
export { WaitingClaim } from './claims/waiting-claim.ts';
export { answerClientError } from './client-error.ts';
