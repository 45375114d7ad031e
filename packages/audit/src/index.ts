/**
 * Proof of exactness, for the command `npm run audit`, the bench and tests alike.
 *
 * - recount: what the database says of itself: claims against stock.
 * - history: what callers were told, a record for each call.
 * - check: a history against the database afterwards; a violation names the invariant and the requests.
 */
export { checkHistoryFile } from './check-history-file.ts';
export { describeFaults } from './describe-recount.ts';
export { type CheckOptions, checkHistory } from './history/check-history.ts';
export { readHistory } from './history/read-history.ts';
export type { ClaimCall, CreateCall, HistoryRecord, Mark, ReadCall, StatusCall } from './history/record.ts';
export { type ExistingClaim, readState, type State } from './history/state.ts';
export { describeViolations, type Invariant, type Violation } from './history/violation.ts';
export { type Faults, type Recount, recount } from './recount.ts';
