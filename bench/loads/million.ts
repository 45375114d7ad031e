import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { PLENTY, runClaims } from './claim-run.ts';
import { type Bench, type BenchLoad, type Contestant, contestantOf } from './load.ts';
import { runReads } from './reads.ts';

const CONNECTIONS = 256;
const MANY = 1_000_000;
const FEW = 1_000;

/** A large number of claims must slow neither the next claim nor a read of the coupon. */
export const million: BenchLoad = {
  name: 'million',
  title: 'a coupon that already has 1,000,000 claims; claims on 256 connections, GET of its details on 1',
  prepare: async (bench) => {
    const { stack, settings } = bench;
    const [empty, full] = await Promise.all([
      startFlashclaim({ stack, settings }),
      startFlashclaim({ stack, settings }),
    ]);
    bench.onDone(() => Promise.all([empty.stop(), full.stop()]));
    await full.addStock({ names: ['many-1'], amount: PLENTY, claimed: MANY });
    await full.addStock({ names: ['few-1'], amount: PLENTY, claimed: FEW });
    return [
      claims(bench, 'flashclaim, empty', empty),
      claims(bench, 'flashclaim, 1,000,000 claims', full, 'many-'),
      gets(bench, 'GET of 1,000 claims', full, 'few-1'),
      gets(bench, 'GET of 1,000,000 claims', full, 'many-1'),
    ];
  },
};

const claims = (bench: Bench, name: string, running: RunningFlashclaim, existing?: string): Contestant =>
  contestantOf(name, bench, (id, seconds) =>
    runClaims(id, {
      client: bench.client,
      running,
      connections: CONNECTIONS,
      expect: 'claimed',
      seconds,
      ...(existing && { existing }),
    }),
  );

const gets = (bench: Bench, name: string, running: RunningFlashclaim, coupon: string): Contestant =>
  contestantOf(name, bench, (_, seconds) => runReads(bench, { running, coupon, connections: 1, seconds }));
