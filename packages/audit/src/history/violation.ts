import type { HistoryRecord } from './record.ts';

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9';

/** An invariant that does not hold, and the requests that show it. */
export interface Violation {
  invariant: Invariant;
  /** What was found, and what was expected instead. */
  found: string;
  requests: readonly HistoryRecord[];
}

/** Of each kind so many are shown: the first ones tell what is wrong. */
const SHOWN_MAX = 5;

/** The violations as lines for a person, and the requests as they stand in the history. */
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
