import type { HistoryRecord } from './record.ts';

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9';

/** A violated invariant and the requests that show it. */
export interface Violation {
  invariant: Invariant;
  /** What was found, and what was expected. */
  found: string;
  requests: readonly HistoryRecord[];
}

/** Violations that are listed for each invariant, and requests for each violation. */
const SHOWN_MAX = 5;

/** Lines for a person: the violations by invariant, with their requests as in the history. */
export const describeViolations = (violations: readonly Violation[]): string =>
  [...Map.groupBy(violations, ({ invariant }) => invariant)]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .flatMap(([invariant, all]) => [
      `${invariant}: ${all.length} violation${all.length === 1 ? '' : 's'}`,
      ...all
        .slice(0, SHOWN_MAX)
        .flatMap(({ found, requests }) => [
          `  ${found}`,
          ...requests.slice(0, SHOWN_MAX).map((request) => `    ${JSON.stringify(request)}`),
        ]),
    ])
    .join('\n');
