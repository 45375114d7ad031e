import { clearProgress, formatNumber, showProgress, tableOf } from '@flashclaim/terminal';
import { startFlashclaim } from '../candidates/flashclaim.ts';
import type { LoadClient } from '../client/load-client.ts';
import { type MedianInterval, medianInterval } from '../measure/median-interval.ts';
import { spreadOf } from '../measure/stats.ts';
import { totalCpu } from '../report/load-table.ts';
import type { RunRecord } from '../run-record.ts';
import type { Stack } from '../stack.ts';
import type { OtherState } from './other-state.ts';
import type { PairedLoad } from './paired-loads.ts';

/** This state counts as no slower where the median is at most this much below 1, and the interval reaches 1. */
const TOLERANCE = 0.03;

/** Until Node has compiled what a claim needs: on a slow machine, a claim costs twice as much in the first five seconds. */
const WARM_UP_SECONDS = 8;

export interface Comparison {
  client: LoadClient;
  other: OtherState;
  /** One for each state in a pair. The states swap them, because two servers of one program may differ, too. */
  stacks: readonly [Stack, Stack];
  pairs: number;
  seconds: number;
  settings: Record<string, string>;
}

/**
 * Measures loads on two states of the code: each on its own stores, in turn, in pairs of short runs. The order changes, and so do
 * the stores. The speed of a machine changes within minutes, so only the ratios of a pair count.
 */
export const compareStates = async (loads: readonly PairedLoad[], comparison: Comparison): Promise<RunRecord[]> => {
  const runs: RunRecord[] = [];
  for (const load of loads) {
    const found = await measurePairs(load, comparison);
    clearProgress();
    runs.push(...found);
    console.log(describePairs(load.name, comparison.other.name, found));
  }
  return runs;
};

/** Starts both states again for each pair: two processes of one state may differ by a fifth for as long as they run. */
const measurePairs = async (load: PairedLoad, comparison: Comparison): Promise<RunRecord[]> => {
  const { client, other, stacks, pairs, seconds, settings } = comparison;
  const runs: RunRecord[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    // Every second pair has the other order. Every second two pairs have the other stores.
    const [ours, theirs] = Math.floor(pair / 2) % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const states = [
      { who: 'this', start: startFlashclaim, stack: stacks[ours] },
      { who: other.name, start: other.start, stack: stacks[theirs] },
    ];
    for (const { who, start, stack } of pair % 2 === 0 ? states.toReversed() : states) {
      const name = `${load.name}-${pair}-${who}`;
      showProgress(`${load.name}: pair ${pair} of ${pairs}, ${who}`);
      const running = await start({ stack, settings });
      try {
        await load.prepare?.(running);
        await load.measure({ client }, running, `${name}-warm`, WARM_UP_SECONDS);
        runs.push({ load: load.name, who, round: pair, ...(await load.measure({ client }, running, name, seconds)) });
      } finally {
        await running.stop();
      }
    }
  }
  return runs;
};

type Figure = (run: RunRecord) => number | undefined;

/** By what a state is compared. Of the throughput more is better, of the others less. */
const FIGURES: readonly { what: string; figure: Figure; isMoreBetter: boolean }[] = [
  { what: 'per second', figure: ({ perSecond }) => perSecond, isMoreBetter: true },
  { what: 'CPU for 10,000', figure: totalCpu, isMoreBetter: false },
  { what: 'p50', figure: ({ p50Ms }) => p50Ms, isMoreBetter: false },
  { what: 'p99', figure: ({ p99Ms }) => p99Ms, isMoreBetter: false },
];

interface Row {
  what: string;
  ours: number;
  theirs: number;
  ratio: MedianInterval;
  isMoreBetter: boolean;
}

/** The table of a load, and the runs without a figure. */
export const describePairs = (load: string, other: string, runs: readonly RunRecord[]): string => {
  const faults = runs.filter(({ fault }) => fault).map((run) => `  ${run.who}, pair ${run.round}: ${run.fault}`);
  const rows = FIGURES.flatMap(({ what, figure, isMoreBetter }): Row[] => {
    const pairs = [...Map.groupBy(runs, ({ round }) => round).values()].flatMap((pair) => {
      const of = (who: string) => pair.filter((run) => run.who === who && !run.fault).map(figure)[0];
      const [ours, theirs] = [of('this'), of(other)];
      return ours && theirs ? [{ ours, theirs }] : [];
    });
    if (pairs.length === 0) return [];
    return [
      {
        what,
        ours: spreadOf(pairs.map(({ ours }) => ours)).median,
        theirs: spreadOf(pairs.map(({ theirs }) => theirs)).median,
        ratio: medianInterval(pairs.map(({ ours, theirs }) => ours / theirs)),
        isMoreBetter,
      },
    ];
  });
  const table = tableOf(
    [
      { heading: load, cell: ({ what }) => what },
      { heading: 'this', cell: ({ ours }) => formatNumber(ours) },
      { heading: other, cell: ({ theirs }) => formatNumber(theirs) },
      { heading: 'ratio', cell: ({ ratio }) => formatNumber(ratio.median) },
      { heading: '90 % interval', cell: ({ ratio }) => `${formatNumber(ratio.low)}–${formatNumber(ratio.high)}` },
      { heading: 'as good', cell: (row) => (isAsGood(row) ? 'yes' : 'no') },
    ],
    rows,
  );
  return [table, ...faults, ''].join('\n');
};

const isAsGood = ({ ratio: { median, low, high }, isMoreBetter }: Row): boolean =>
  isMoreBetter ? median >= 1 - TOLERANCE && high >= 1 : median <= 1 + TOLERANCE && low <= 1;
