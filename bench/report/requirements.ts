import { formatNumber, tableOf } from '@flashclaim/terminal';
import { type Spread, spreadOf } from '../measure/stats.ts';
import type { RunRecord } from '../run-record.ts';
import { totalCpu } from './load-table.ts';

/** Finds the run of a contestant in one round. */
type Find = (load: string, who: string) => RunRecord | undefined;

interface Requirement {
  load: string;
  what: string;
  /** The figure of one round. It never mixes rounds, because the speed of the machine changes. */
  figure: (find: Find) => number | undefined;
  atLeast?: number;
  atMost?: number;
  unit: '×' | 'MB' | 'ms' | 'of all runs exact' | 'aborted';
}

const ratio = (above: number | undefined, below: number | undefined): number | undefined =>
  above !== undefined && below ? above / below : undefined;

/** The throughput of Flashclaim divided by that of another candidate. */
const speed = (load: string, what: string, against: string, atLeast: number): Requirement => ({
  load,
  what,
  figure: (find) => ratio(find(load, 'flashclaim')?.perSecond, find(load, against)?.perSecond),
  atLeast,
  unit: '×',
});

const peak = (what: string, part: 'api' | 'worker', atMost: number): Requirement => ({
  load: 'waiting',
  what,
  figure: (find) => find('waiting', 'flashclaim')?.peakMb?.[part],
  atMost,
  unit: 'MB',
});

const access = (what: string, who: string, atLeast: number): Requirement => ({
  load: 'access',
  what,
  figure: (find) => ratio(find('access', who)?.perSecond, find('access', 'everybody')?.perSecond),
  atLeast,
  unit: '×',
});

const moreWorkers = (load: string): Requirement[] => [
  {
    load,
    what: `${load}: 4 workers against 1`,
    figure: (find) =>
      ratio(find(load, 'flashclaim, 4 workers')?.perSecond, find(load, 'flashclaim, 1 worker')?.perSecond),
    atLeast: 0.95,
    unit: '×',
  },
  {
    load,
    what: `${load}: transactions of 4 workers aborted and run again`,
    figure: (find) => find(load, 'flashclaim, 4 workers')?.abortedTransactions,
    atMost: 0,
    unit: 'aborted',
  },
];

const REQUIREMENTS: readonly Requirement[] = [
  speed('hot-256', 'hot coupon, 256 connections, of bare Fastify', 'bare', 0.45),
  speed('hot-256', 'hot coupon, 256 connections, of the literal design', 'literal', 150),
  speed('hot-256', 'hot coupon, 256 connections, of the seckill design', 'seckill', 0.5),
  speed('hot-1000', 'hot coupon, 1,000 connections, of bare Fastify', 'bare', 0.55),
  speed('sold-out', 'sold out, 256 connections, of bare Fastify', 'bare', 0.75),
  speed('spread-256', 'spread over 1,000 coupons, 256 connections, of bare Fastify', 'bare', 0.3),
  {
    load: 'hot-1',
    what: 'one connection: p50, of the same transaction run directly',
    figure: (find) => ratio(find('hot-1', 'flashclaim')?.p50Ms, find('hot-1', 'direct')?.p50Ms),
    atMost: 2,
    unit: '×',
  },
  {
    load: 'burst',
    what: 'burst 10,000 / 1,000: all answered, exactly 1,000 × 200, no connection error',
    // An incorrect run has no figure.
    figure: (find) => (find('burst', 'flashclaim')?.perSecond === undefined ? 0 : 1),
    atLeast: 1,
    unit: 'of all runs exact',
  },
  {
    load: 'overload',
    what: 'ten times the callers: claims decided, of the best',
    figure: (find) => ratio(find('overload', 'overloaded')?.perSecond, find('overload', 'at its best')?.perSecond),
    atLeast: 0.8,
    unit: '×',
  },
  {
    load: 'overload',
    what: 'ten times the callers: p99 of admitted claims',
    figure: (find) => find('overload', 'overloaded')?.p99Ms,
    atMost: 2_500,
    unit: 'ms',
  },
  access('an API key for each claim: claims, of those of everybody', 'API key', 0.95),
  access('a new EdDSA token for each claim: claims, of those of everybody', 'EdDSA tokens', 0.5),
  ...['workers-hot', 'workers-spread'].flatMap(moreWorkers),
  {
    load: 'live',
    what: '200 live pages open: claims, of those with none',
    figure: (find) => ratio(find('live', '200 live pages')?.perSecond, find('live', 'no live page')?.perSecond),
    atLeast: 0.95,
    unit: '×',
  },
  {
    load: 'million',
    what: 'coupon with 1,000,000 claims: claims, of an empty coupon',
    figure: (find) =>
      ratio(
        find('million', 'flashclaim, 1,000,000 claims')?.perSecond,
        find('million', 'flashclaim, empty')?.perSecond,
      ),
    atLeast: 0.9,
    unit: '×',
  },
  {
    load: 'million',
    what: 'coupon with 1,000,000 claims: p50 of GET details, of one with 1,000',
    figure: (find) =>
      ratio(find('million', 'GET of 1,000,000 claims')?.p50Ms, find('million', 'GET of 1,000 claims')?.p50Ms),
    atMost: 1.5,
    unit: '×',
  },
  {
    load: 'hot-256',
    what: 'CPU of all four processes, hot, 256 connections, of bare Fastify',
    figure: (find) => {
      const [ours, bare] = [find('hot-256', 'flashclaim'), find('hot-256', 'bare')];
      return ours && bare ? ratio(totalCpu(ours), totalCpu(bare)) : undefined;
    },
    atMost: 4.5,
    unit: '×',
  },
  peak('10,000 waiting claims: memory of the API', 'api', 300),
  peak('10,000 waiting claims: memory of the worker', 'worker', 250),
];

/** A table of the requirements of the loads that were run. The median of the rounds counts. */
export const describeRequirements = (runs: readonly RunRecord[]): string => {
  const measured = REQUIREMENTS.filter(({ load }) => runs.some((run) => run.load === load));
  const rows = measured.map((requirement) => ({ requirement, spread: overRounds(requirement, runs) }));
  const columns = [
    { heading: 'requirement', cell: ({ requirement }: Row) => requirement.what },
    { heading: 'required', cell: ({ requirement }: Row) => limitOf(requirement) },
    { heading: 'measured', cell: ({ spread }: Row) => (spread ? formatNumber(spread.median) : 'no figure') },
    {
      heading: 'min–max',
      cell: ({ spread }: Row) => (spread ? `${formatNumber(spread.min)}–${formatNumber(spread.max)}` : '—'),
    },
    { heading: 'reached', cell: (row: Row) => (isReached(row) ? 'yes' : 'no') },
  ];
  return rows.length > 0 ? tableOf(columns, rows) : '';
};

interface Row {
  requirement: Requirement;
  spread: Spread | undefined;
}

const overRounds = ({ figure }: Requirement, runs: readonly RunRecord[]): Spread | undefined => {
  const rounds = [...new Set(runs.map((run) => run.round))];
  const figures = rounds
    .map((round) =>
      figure((load, who) => runs.find((run) => run.load === load && run.who === who && run.round === round)),
    )
    .filter((value) => value !== undefined);
  return figures.length > 0 ? spreadOf(figures) : undefined;
};

const limitOf = ({ atLeast, atMost, unit }: Requirement): string =>
  atLeast === undefined ? `≤ ${atMost} ${unit}` : `≥ ${atLeast} ${unit}`;

/** Requirements that every round must reach use the worst round instead of the median. */
const isReached = ({ requirement: { atLeast, atMost, unit }, spread }: Row): boolean => {
  if (!spread) return false;
  const always = unit === 'of all runs exact' || unit === 'aborted' || unit === 'MB';
  if (atLeast !== undefined) return (always ? spread.min : spread.median) >= atLeast;
  return (always ? spread.max : spread.median) <= (atMost ?? 0);
};
