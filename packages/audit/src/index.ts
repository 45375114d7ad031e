/**
 * Checks of correctness, for the command `npm run audit`, the bench and tests.
 *
 * - recount: compares the claims in the database with the stock.
 * - history: what callers were answered, one record for each call.
 * - check: compares a history with the database afterwards; a violation names the invariant and the requests.
 */
export { checkHistoryFile } from './check-history-file.ts';
export { describeFaults, describeRecount } from './describe-recount.ts';
export { type CheckOptions, checkHistory } from './history/check-history.ts';
export { readHistory } from './history/read-history.ts';
export type {
  ClaimCall,
  CreateCall,
  HistoryRecord,
  ListCall,
  Mark,
  ReadCall,
  ReleaseCall,
  SettingsCall,
  StatusCall,
} from './history/record.ts';
export { type ExistingClaim, type ExistingCoupon, readState, type State, toState } from './history/state.ts';
export { describeViolations, type Invariant, type Violation } from './history/violation.ts';
export { type Faults, type Recount, recount } from './recount.ts';
