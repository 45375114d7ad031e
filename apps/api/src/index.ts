/** What tests run without a server. */
export { Gather } from './claims/gather.ts';
export { WaitingClaim } from './claims/waiting-claim.ts';
export { answerClientError } from './client-error.ts';
