import type { Running } from '../candidates/candidate.ts';
import { PLENTY, runClaims } from '../loads/claim-run.ts';
import type { Bench } from '../loads/load.ts';
import { runReads, runWithReaders } from '../loads/reads.ts';
import type { Figures } from '../run-record.ts';

type Client = Pick<Bench, 'client'>;

/** A load on one system. */
export interface PairedLoad {
  name: string;
  /** Runs after each start of a system, before its first run. */
  prepare?: (running: Running) => Promise<unknown>;
  /** `run` is unique in the whole bench. */
  measure: (bench: Client, running: Running, run: string, seconds: number) => Promise<Figures>;
}

interface Claims {
  connections: number;
  coupons?: number;
  soldOut?: boolean;
}

const claims = (name: string, { connections, coupons = 1, soldOut = false }: Claims): PairedLoad => ({
  name,
  measure: ({ client }, running, run, seconds) =>
    runClaims(run, { client, running, connections, coupons, seconds, expect: soldOut ? 'sold-out' : 'claimed' }),
});

const READ_CONNECTIONS = 256;

const reads = (name: string, claimed: number): PairedLoad => ({
  name,
  prepare: (running) => running.addStock({ names: [name], amount: PLENTY, claimed }),
  measure: (bench, running, _, seconds) =>
    runReads(bench, { running, coupon: name, connections: READ_CONNECTIONS, seconds }),
});

/** The loads of `--against`. */
export const PAIRED_LOADS: readonly PairedLoad[] = [
  claims('hot-1', { connections: 1 }),
  claims('hot-64', { connections: 64 }),
  claims('hot-256', { connections: 256 }),
  claims('hot-1000', { connections: 1_000 }),
  claims('sold-out', { connections: 256, soldOut: true }),
  claims('spread-64', { connections: 64, coupons: 1_000 }),
  claims('spread-256', { connections: 256, coupons: 1_000 }),
  reads('reads-0', 0),
  reads('reads-1000', 1_000),
  {
    name: 'readers',
    measure: (bench, running, coupon, seconds) => runWithReaders(bench, { running, coupon, seconds }),
  },
];
