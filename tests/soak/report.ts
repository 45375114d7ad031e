import { describeViolations } from '@flashclaim/audit';
import { tableOf, timesTable } from '@flashclaim/terminal';
import { inSeconds } from '../support/recovery-table.ts';
import type { Recovery } from './break-things.ts';
import { formatGauge, type Judged } from './judge-leaks.ts';
import type { SoakResult } from './soak.ts';

/** Whether there are no violations and no leaks. */
export const isClean = ({ violations, gauges }: SoakResult): boolean =>
  violations.length === 0 && gauges.every(({ leak }) => leak === undefined);

/** The report for a person. */
export const describeSoak = (result: SoakResult): string => {
  const { violations, histories, gauges } = result;
  const leaks = gauges.filter(({ leak }) => leak !== undefined);
  return [
    answerTable(result.answers),
    recoveryTable(result.recoveries),
    gaugeTable(gauges),
    ...leaks.map(({ gauge, leak }) => `leak: ${gauge.name}: ${leak}`),
    ...(violations.length > 0 ? [describeViolations(violations)] : []),
    ...histories.map((file) => `A history is in ${file}`),
    `${result.generations} generations · ${result.recoveries.length} faults · ${violations.length} violations · ${leaks.length} leaks`,
  ].join('\n\n');
};

const answerTable = (answers: SoakResult['answers']): string =>
  timesTable(
    'answer',
    [...answers].sort(([one], [other]) => (one < other ? -1 : 1)),
  );

const recoveryTable = (recoveries: readonly Recovery[]): string => {
  const rows = [...Map.groupBy(recoveries, ({ what }) => (what.includes(' + ') ? 'two at once' : what))]
    .map(([what, all]) => ({
      what,
      times: all.length,
      first: all.map(({ firstMs }) => firstMs).sort((a, b) => a - b),
      lanes: all.map(({ allMs }) => allMs).sort((a, b) => a - b),
    }))
    .sort((one, other) => (one.what < other.what ? -1 : 1));
  const middle = (sorted: readonly number[]) => inSeconds(sorted[Math.floor((sorted.length - 1) / 2)] as number);
  return tableOf(
    [
      { heading: 'fault', cell: ({ what }) => what },
      { heading: 'times', cell: ({ times }) => `${times}` },
      { heading: 'first claim: median s', cell: ({ first }) => middle(first) },
      { heading: 'longest s', cell: ({ first }) => inSeconds(first.at(-1) as number) },
      { heading: 'every lane: median s', cell: ({ lanes }) => middle(lanes) },
      { heading: 'longest s', cell: ({ lanes }) => inSeconds(lanes.at(-1) as number) },
    ],
    rows,
  );
};

const gaugeTable = (gauges: readonly Judged[]): string =>
  tableOf(
    [
      { heading: 'at quiet moments', cell: ({ gauge }) => gauge.name },
      { heading: 'first', cell: ({ gauge, first }) => formatGauge(first, gauge.unit) },
      { heading: 'median', cell: ({ gauge, median }) => formatGauge(median, gauge.unit) },
      { heading: 'last', cell: ({ gauge, last }) => formatGauge(last, gauge.unit) },
      { heading: 'peak', cell: ({ gauge, peak }) => formatGauge(peak, gauge.unit) },
      { heading: 'allowed', cell: allowed },
      { heading: '', cell: ({ leak }) => (leak === undefined ? '' : 'leaks') },
    ],
    gauges,
  );

/** The limit of a gauge. */
const allowed = ({ gauge: { max, allowance, unit } }: Judged): string => {
  if (max !== undefined) return `at most ${formatGauge(max, unit)}`;
  return allowance ? `second quarter + ${allowance.share * 100} % + ${formatGauge(allowance.more, unit)}` : '—';
};
