import { checkDurable, checkFirstAnswers } from './check-answers.ts';
import { checkEnds, checkRecovery } from './check-ends.ts';
import { checkLists } from './check-lists.ts';
import { checkRefusals } from './check-refusals.ts';
import { checkReleases } from './check-releases.ts';
import { checkSale, type DatabaseClockOptions } from './check-sale.ts';
import { checkSettings } from './check-settings.ts';
import { checkStatuses } from './check-statuses.ts';
import { checkFreshReads, checkStock } from './check-stock.ts';
import { checkUndersell } from './check-undersell.ts';
import { checkUnits } from './check-units.ts';
import { collectEvidence } from './evidence.ts';
import type { HistoryRecord } from './record.ts';
import type { State } from './state.ts';
import type { Violation } from './violation.ts';

export interface CheckOptions extends DatabaseClockOptions {
  /** The longest time that any answer may take; not checked by default. */
  answerMaxMs?: number;
  /** The longest time without a decision after the failed part recovered; 10,000 by default. */
  recoveryMaxMs?: number;
}

/**
 * Compares every answer to a caller with the state of the database after everything is decided: the invariants I1 to I9, as
 * far as they are visible from outside. Pure. An empty list means that every answer was true.
 *
 * Assumes that the coupons were new when the history began or are created in it, and that it has all their claims, releases and
 * changes. What is not certain from outside is not judged: a change of unknown result may have been made at any later time.
 */
export const checkHistory = (
  history: Iterable<HistoryRecord>,
  state: State,
  options: CheckOptions = {},
): Violation[] => {
  const evidence = collectEvidence(history, state);
  return [
    ...checkUnits(evidence),
    ...checkStock(evidence),
    ...checkFreshReads(evidence),
    ...checkLists(evidence),
    ...checkDurable(evidence),
    ...checkReleases(evidence),
    ...checkRefusals(evidence),
    ...checkSale(evidence, options),
    ...checkSettings(evidence),
    ...checkStatuses(evidence),
    ...checkFirstAnswers(evidence),
    ...checkEnds(evidence, options.answerMaxMs),
    ...checkUndersell(evidence),
    ...checkRecovery(evidence, options.recoveryMaxMs),
  ];
};
