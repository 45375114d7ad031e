import { describeFaults } from '@flashclaim/audit';
import { type Column, formatNumber, tableOf } from '@flashclaim/terminal';
import { PARTS } from '../candidates/candidate.ts';
import { type Spread, spreadOf } from '../measure/stats.ts';
import type { RunRecord } from '../run-record.ts';

/** All runs of one contestant at one load. */
interface Row {
  who: string;
  runs: readonly RunRecord[];
}

type Figure = (run: RunRecord) => number | undefined;

/** The table of a load: a line for each contestant, then notes, faults and the audit line. */
export const describeLoad = (title: string, runs: readonly RunRecord[]): string => {
  const rows = [...Map.groupBy(runs, (run) => run.who)].map(([who, all]) => ({ who, runs: all }));
  const faults = runs
    .filter((run) => run.fault)
    .map((run) => `  ${run.who}, round ${run.round}: no figure, ${run.fault}`);
  const notes = runs.filter((run) => run.note).map((run) => `  ${run.who}, round ${run.round}: ${run.note}`);
  const table = runs.some((run) => !run.fault) ? [tableOf(columnsFor(runs), rows)] : [];
  return [`── ${title}`, ...table, ...notes, ...faults, ...auditLine(runs), ''].join('\n');
};

const columnsFor = (runs: readonly RunRecord[]): Column<Row>[] => {
  const hasBare = runs.some((run) => run.who === 'bare' && run.perSecond !== undefined);
  const column = (heading: string, figure: Figure, write = (spread: Spread) => formatNumber(spread.median)) => ({
    heading,
    cell: (row: Row) => {
      const spread = spreadOver(row, figure);
      return spread ? write(spread) : '—';
    },
  });
  const all: (Column<Row> & { figure?: Figure })[] = [
    { heading: '', cell: (row) => row.who },
    { ...column('per second', (run) => run.perSecond), figure: (run) => run.perSecond },
    { ...column('min–max', (run) => run.perSecond, range), figure: (run) => run.perSecond },
    ...(hasBare ? [column('of bare', (run) => ofBare(run, runs))] : []),
    column('p50 ms', (run) => run.p50Ms),
    column('p95', (run) => run.p95Ms),
    column('p99', (run) => run.p99Ms),
    ...PARTS.map((part) => ({
      ...column(part === 'api' ? 'CPU s: api' : part, (run) => run.cpuSeconds?.[part]),
      figure: (run: RunRecord) => run.cpuSeconds?.[part],
    })),
    { ...column('all', totalCpu), figure: totalCpu },
    ...PARTS.map((part) => ({
      ...column(
        part === 'api' ? 'MB: api' : part,
        (run) => run.peakMb?.[part],
        (spread) => spread.max.toFixed(0),
      ),
      figure: (run: RunRecord) => run.peakMb?.[part],
    })),
    {
      ...column(
        'aborted',
        (run) => run.abortedTransactions,
        (spread) => `${spread.max}`,
      ),
      figure: (run) => run.abortedTransactions,
    },
  ];
  return all.filter(({ figure }) => !figure || runs.some((run) => figure(run) !== undefined));
};

const spreadOver = ({ runs }: Row, figure: Figure): Spread | undefined => {
  const figures = runs.map(figure).filter((value) => value !== undefined);
  return figures.length > 0 ? spreadOf(figures) : undefined;
};

const range = ({ min, max }: Spread): string => `${formatNumber(min)}–${formatNumber(max)}`;

/** CPU seconds of all parts for 10,000 answers. */
export const totalCpu = ({ cpuSeconds }: RunRecord): number | undefined => {
  const parts = Object.values(cpuSeconds ?? {});
  return parts.length > 0 ? parts.reduce((sum, part) => sum + part, 0) : undefined;
};

/** Ratio to `bare` of the same round, because the speed of the machine changes. */
const ofBare = (run: RunRecord, runs: readonly RunRecord[]): number | undefined => {
  const bare = runs.find((other) => other.who === 'bare' && other.round === run.round)?.perSecond;
  return bare && run.perSecond ? run.perSecond / bare : undefined;
};

const auditLine = (runs: readonly RunRecord[]): string[] => {
  const audits = runs.filter((run) => run.who !== 'literal').flatMap((run) => run.audit ?? []);
  if (audits.length === 0) return [];
  const sum = (pick: (audit: (typeof audits)[number]) => number) =>
    audits.reduce((total, audit) => total + pick(audit), 0);
  const claims = sum((audit) => audit.claims).toLocaleString('en-US');
  const found = describeFaults({
    oversold: sum((audit) => audit.oversold),
    double: sum((audit) => audit.double),
    lost: sum((audit) => audit.lost),
    orphaned: sum((audit) => audit.orphaned),
  });
  return [`audit of ${audits.length} runs, ${claims} claims: ${found}`];
};
