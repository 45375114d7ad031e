import { checkDurable, checkFirstAnswers, checkRefusals } from './check-answers.ts';
import { checkEnds, checkRecovery } from './check-ends.ts';
import { checkStatuses } from './check-statuses.ts';
import { checkFreshReads, checkStock, checkUndersell } from './check-stock.ts';
import { collectEvidence } from './evidence.ts';
import type { HistoryRecord } from './record.ts';
import type { State } from './state.ts';
import type { Violation } from './violation.ts';

export interface CheckOptions {
  /** The longest time that any answer may take; not checked by default. */
  answerMaxMs?: number;
}

/**
 * Compares every answer to a caller with the state of the database after everything is decided: the invariants I1 to I9, as
 * far as they are visible from outside. Pure. An empty list means that every answer was true.
 *
 * Assumes that the coupons were new when the history began or are created in it, that it has all their claims, and that no
 * unit was returned. So a unit that is taken stays taken, and a claim that existed once exists at the end.
 */
export const checkHistory = (
  history: Iterable<HistoryRecord>,
  state: State,
  options: CheckOptions = {},
): Violation[] => {
  const evidence = collectEvidence(history, state);
  return [
    ...checkStock(evidence),
    ...checkFreshReads(evidence),
    ...checkDurable(evidence),
    ...checkRefusals(evidence),
    ...checkStatuses(evidence),
    ...checkFirstAnswers(evidence),
    ...checkEnds(evidence, options.answerMaxMs),
    ...checkUndersell(evidence),
    ...checkRecovery(evidence),
  ];
};
