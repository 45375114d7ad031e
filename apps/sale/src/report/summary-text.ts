import { count, formatNumber, tableOf } from '@flashclaim/terminal';
import { describeVerdict } from '../judge-sale.ts';
import type { Summary, TimesRow } from '../summarise.ts';

const ms = (heading: string, field: 'p50' | 'p95' | 'p99' | 'max') => ({
  heading,
  cell: (row: TimesRow) => formatNumber(row[field]),
});

/** What a rate depends on, in words. */
export const describeEnvironment = ({ environment, simulatorCores }: Summary): string => {
  const { cores, connections, server, isLocal } = environment;
  const used = `${cores} cores (the simulator used ${formatNumber(simulatorCores)})`;
  return `${used} · ${count(connections)} connections · ${server}${isLocal ? ' on this machine' : ''}`;
};

/** Where the units went, in words. */
export const describeUnits = ({ options, winners, claimedCount, remaining }: Summary): string =>
  [
    `units ${count(options.stock)} · granted to ${count(winners)}`,
    ...(claimedCount === undefined ? [] : [`claimed ${count(claimedCount)}`]),
    ...(remaining === undefined ? [] : [`left ${count(remaining)}`]),
  ].join(' · ');

/** The verdict in one line, or why there is none. */
export const describeResult = ({ verdict, unread }: Summary): string =>
  verdict ? describeVerdict(verdict) : `not judged: the coupon can't be read after the sale (${unread})`;

/** The result of a sale for a person. The last line is the verdict. */
export const summaryText = (summary: Summary): string => {
  const { coupon, outcomes, seconds, claimsPerSecond, readsPerSecond, isStopped, receiptFaults } = summary;
  const rates = [
    `${count(Math.round(claimsPerSecond))} claims/s`,
    ...(readsPerSecond > 0 ? [`${count(Math.round(readsPerSecond))} reads/s`] : []),
  ];
  return [
    ...(isStopped ? ['Ended early: this is what was seen.', ''] : []),
    tableOf(
      [
        { heading: 'answer times in ms', cell: ({ name }) => name },
        { heading: 'answers', cell: ({ answers }) => count(answers) },
        ms('p50', 'p50'),
        ms('p95', 'p95'),
        ms('p99', 'p99'),
        ms('max', 'max'),
      ],
      summary.times,
    ),
    'from the time when each call was due, also where it waited for a connection',
    '',
    `${rates.join(' · ')} in ${formatNumber(seconds)} s · ${describeEnvironment(summary)}`,
    Object.entries(outcomes)
      .map(([outcome, times]) => `${outcome} ${count(times)}`)
      .join(' · '),
    `${coupon}: ${describeUnits(summary)}`,
    ...receiptFaults.slice(0, SHOWN_MAX).map((fault) => `receipts: ${fault}`),
    ...(receiptFaults.length > SHOWN_MAX ? [`receipts: ${count(receiptFaults.length - SHOWN_MAX)} more faults`] : []),
    '',
    describeResult(summary),
  ].join('\n');
};

/** Faults of the sequence numbers that are printed. */
const SHOWN_MAX = 5;
