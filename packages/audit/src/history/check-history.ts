import { checkDurable, checkRefusals, checkTold } from './check-answers.ts';
import { checkEnds, checkRecovery } from './check-ends.ts';
import { checkStatuses } from './check-statuses.ts';
import { checkStock, checkUndersell } from './check-stock.ts';
import { gatherEvidence } from './evidence.ts';
import type { HistoryRecord } from './record.ts';
import type { State } from './state.ts';
import type { Violation } from './violation.ts';

export interface CheckOptions {
  /** The longest that any answer may take, where that is to be judged. */
  answerMaxMs?: number;
}

/**
 * Checks all that callers were told against what the database says once everything is decided: the invariants I1 to I9, as
 * far as each can be decided from outside. Pure. An empty list means that nobody was told anything untrue.
 *
 * The coupons must be new at the beginning of the history or created in it, all claims of them must be in it, and nothing
 * may have been given back: then a unit that is gone stays gone, and a claim that stood once stands at the end.
 */
export const checkHistory = (
  history: Iterable<HistoryRecord>,
  state: State,
  options: CheckOptions = {},
): Violation[] => {
  const evidence = gatherEvidence(history, state);
  return [
    ...checkStock(evidence),
    ...checkDurable(evidence),
    ...checkRefusals(evidence),
    ...checkStatuses(evidence),
    ...checkTold(evidence),
    ...checkEnds(evidence, options.answerMaxMs),
    ...checkUndersell(evidence),
    ...checkRecovery(evidence),
  ];
};
