/** What tests run without a server. */
export { claimIdOfKey } from './claims/claim-id.ts';
export { Gather } from './claims/gather.ts';
export { Slots } from './claims/slots.ts';
export { WaitingClaim } from './claims/waiting-claim.ts';
