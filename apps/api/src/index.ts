/** What tests and the simulation run without a server. */
export { claimIdOfKey } from './claims/claim-id.ts';
export { Door } from './claims/door.ts';
export { Gather } from './claims/gather.ts';
export { Intake } from './claims/intake.ts';
export { LaneJobs } from './claims/lane-jobs.ts';
export { LoopWatch } from './claims/loop-watch.ts';
export { findClaim, rememberPending, tellPending } from './claims/pending-claims.ts';
export { preferenceApplied, readPrefer } from './claims/prefer.ts';
export { replyToClaim } from './claims/reply.ts';
export { SoldOut } from './claims/sold-out.ts';
export { createSubmit } from './claims/submit.ts';
export { WaitingClaim } from './claims/waiting-claim.ts';
export { answerClientError } from './client-error.ts';
export { describeRoute } from './openapi/describe-route.ts';
export { toProblem } from './problem.ts';
export { StoreAwayError, StoreWatch } from './stores/store-watch.ts';
export { trustProxy } from './trust-proxy.ts';
