/** What tests run without a server. */
export { claimIdOfKey } from './claims/claim-id.ts';
export { Door } from './claims/door.ts';
export { Gather } from './claims/gather.ts';
export { Intake } from './claims/intake.ts';
export { LoopWatch } from './claims/loop-watch.ts';
export { preferenceApplied, readPrefer } from './claims/prefer.ts';
export { SoldOut } from './claims/sold-out.ts';
export { WaitingClaim } from './claims/waiting-claim.ts';
export { answerClientError } from './client-error.ts';
export { describeRoute } from './openapi/describe-route.ts';
export { StoreAwayError, StoreWatch } from './stores/store-watch.ts';
export { trustProxy } from './trust-proxy.ts';
