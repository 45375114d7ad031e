/** The parts that tests and the simulation run without a server. */

export { RemoteKeys } from './access/remote-keys.ts';
export { AnswerTimes } from './admin/live/answer-times.ts';
export { findAlerts } from './admin/live/find-alerts.ts';
export { LivePages } from './admin/live/live-pages.ts';
export { AdmissionControl, OVERLOADED } from './claims/admission/admission-control.ts';
export { EventLoopLag } from './claims/admission/event-loop-lag.ts';
export { LoadShedder } from './claims/admission/load-shedder.ts';
export { Batcher } from './claims/batcher.ts';
export { claimIdOfKey, newClaimId } from './claims/claim-id.ts';
export { ClaimPath } from './claims/claim-path.ts';
export { ClosedCoupons } from './claims/closed-coupons.ts';
export { Dispatcher } from './claims/dispatcher.ts';
export { findClaims } from './claims/find-claims.ts';
export { PendingClaims } from './claims/pending-claims.ts';
export { PendingSize } from './claims/pending-size.ts';
export { preferenceApplied, readPrefer } from './claims/prefer.ts';
export { Recovery } from './claims/recovery.ts';
export { releaseClaim } from './claims/release-claim.ts';
export { replyToClaim } from './claims/reply.ts';
export { WaitingClaim } from './claims/waiting-claim.ts';
export { CouponReads } from './coupons/coupon-reads.ts';
export { answerClientError } from './http/client-error.ts';
export { corsOrigins } from './http/cors-origins.ts';
export { describeRoute } from './http/openapi/describe-route.ts';
export { toProblem } from './http/problem.ts';
export { trustProxy } from './http/trust-proxy.ts';
export { StoreDownError, StoreWatch } from './stores/store-watch.ts';
