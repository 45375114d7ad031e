import { startFlashclaim } from '../candidates/flashclaim.ts';
import type { Figures } from '../run-record.ts';
import { runClaims } from './claim-run.ts';
import { type Bench, type BenchLoad, type Contestant, contestantOf } from './load.ts';

const WORKERS = [1, 2, 4];
const CONNECTIONS = 256;

/** More workers must not slow each other. */
export const workers = (name: string, title: string, coupons: number): BenchLoad => ({
  name,
  title: `${title}, 256 connections, by the number of workers`,
  prepare: (bench) => Promise.all(WORKERS.map((count) => enter(bench, count, coupons))),
});

const enter = async (bench: Bench, count: number, coupons: number): Promise<Contestant> => {
  const { stack, client, settings, onDone } = bench;
  const running = await startFlashclaim({ stack, workers: count, settings });
  onDone(() => running.stop());
  const admin = running.store.mongo.client.db('admin');
  const aborted = async (): Promise<number> => (await admin.command({ serverStatus: 1 }))['transactions'].totalAborted;
  const run = async (id: string, seconds: number): Promise<Figures> => {
    const before = await aborted();
    const figures = await runClaims(id, {
      client,
      running,
      connections: CONNECTIONS,
      coupons,
      expect: 'claimed',
      seconds,
    });
    const abortedTransactions = (await aborted()) - before;
    return figures.fault ? figures : { ...figures, abortedTransactions };
  };
  return contestantOf(`flashclaim, ${count} ${count === 1 ? 'worker' : 'workers'}`, bench, run);
};
