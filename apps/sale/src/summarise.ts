import { percentile } from '@flashclaim/load';
import { type ClaimResult, finalOutcome, type ReadResult } from './call-results.ts';
import { countEach } from './count-each.ts';
import type { Environment } from './describe-server.ts';
import type { Verdict } from './judge-sale.ts';
import type { SaleOptions } from './options.ts';

/** Answer times in ms, from the time when each call was due. */
export interface TimesRow {
  name: string;
  answers: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** One slice of a sale. */
export interface Slice {
  /** Its end, in seconds after the begin. */
  at: number;
  /** Claims that were answered in it, by outcome. */
  outcomes: Record<string, number>;
  /** Units left at its end, as far as callers know. */
  left: number;
}

/** The result of a sale, as `--json` writes it. */
export interface Summary {
  scenario: string;
  coupon: string;
  url: string;
  options: Pick<SaleOptions, 'users' | 'stock' | 'arrival' | 'rate' | 'doubleDip' | 'hangUp' | 'retry'>;
  environment: Environment;
  /** Cores that the simulator itself kept busy: near 1, it and not the server limits the rate. */
  simulatorCores: number;
  /** From the first call to the last answer. */
  seconds: number;
  claimsPerSecond: number;
  readsPerSecond: number;
  outcomes: Record<string, number>;
  times: TimesRow[];
  /** The answer times of claims in ms, at 0 %, 1 % … 100 %. */
  percentiles: number[];
  slices: Slice[];
  /** Users who were answered that they have a unit. */
  winners: number;
  /** Units of which the server knows after the sale. Where the coupon can't be read, these three are missing. */
  claimedCount?: number;
  remaining?: number;
  verdict?: Verdict;
  /** Why the coupon can't be read. */
  unread?: string;
  /** Of the sequence numbers, in words. */
  receiptFaults: string[];
  /** Whether the sale was ended early. */
  isStopped: boolean;
}

const SLICES = 100;

export const countOutcomes = (claims: readonly ClaimResult[]): Record<string, number> =>
  Object.fromEntries(countEach(claims.map(finalOutcome)));

/** The answer times of all claims, of those with each outcome, and of reads. Calls without an answer have no time. */
export const timesOf = (claims: readonly ClaimResult[], reads: readonly ReadResult[]): TimesRow[] => {
  const answered = claims.filter(({ status }) => status !== undefined);
  const byOutcome = [...Map.groupBy(answered, ({ outcome }) => outcome)].sort((a, b) => b[1].length - a[1].length);
  const rows: [string, readonly (ClaimResult | ReadResult)[]][] = [
    ['claims', answered],
    ...(byOutcome.length > 1
      ? byOutcome.map(([outcome, own]) => [`  ${outcome}`, own] as [string, ClaimResult[]])
      : []),
    ['reads', reads.filter(({ status }) => status !== undefined)],
  ];
  return rows.filter(([, calls]) => calls.length > 0).map(([name, calls]) => toRow(name, calls));
};

const toRow = (name: string, calls: readonly (ClaimResult | ReadResult)[]): TimesRow => {
  const times = calls.map(({ due, answeredAt }) => answeredAt - due);
  const at = (percent: number) => percentile(times, percent);
  return { name, answers: times.length, p50: at(50), p95: at(95), p99: at(99), max: at(100) };
};

/** The answer times of claims in ms at 0 %, 1 % … 100 %. */
export const percentilesOf = (claims: readonly ClaimResult[]): number[] => {
  const answered = claims.filter(({ status }) => status !== undefined);
  const times = answered.map(({ due, answeredAt }) => answeredAt - due).sort((a, b) => a - b);
  if (times.length === 0) return [];
  return Array.from({ length: 101 }, (_, percent) => times[Math.round((percent / 100) * (times.length - 1))] as number);
};

/** Cuts a sale into slices of equal length. */
export const sliceUp = (claims: readonly ClaimResult[], stock: number, startedAt: number, seconds: number): Slice[] => {
  const slices = Array.from({ length: SLICES }, (_, index): Slice => {
    return { at: ((index + 1) * seconds) / SLICES, outcomes: {}, left: stock };
  });
  const winners = new Set<string>();
  let left = stock;
  let filled = 0;
  for (const claim of claims.toSorted((a, b) => a.answeredAt - b.answeredAt)) {
    const part = (claim.answeredAt - startedAt) / 1_000 / seconds;
    const index = Math.min(SLICES - 1, Math.max(0, Math.floor(part * SLICES)));
    for (; filled < index; filled++) (slices[filled] as Slice).left = left;
    if (claim.outcome === 'claimed' && !winners.has(claim.user)) left--;
    if (claim.outcome === 'claimed') winners.add(claim.user);
    const { outcomes } = slices[index] as Slice;
    outcomes[claim.outcome] = (outcomes[claim.outcome] ?? 0) + 1;
  }
  for (; filled < SLICES; filled++) (slices[filled] as Slice).left = left;
  return slices;
};
