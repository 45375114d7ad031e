import { startFlashclaim } from '../candidates/flashclaim.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { runClaims } from './claim-run.ts';
import { type Bench, type BenchLoad, type Contestant, contestantOf } from './load.ts';

const APIS = [1, 10];
const CONNECTIONS = 256;
const NO_PROCESSES = { api: [], worker: [], redis: [], mongod: [] };

/** An answer must reach the process that waits for it, without a cost for the others. */
export const apis: BenchLoad = {
  name: 'apis',
  title: 'one hot coupon, 256 connections to one API process, by the number of API processes',
  prepare: (bench) => Promise.all(APIS.map((count) => enter(bench, count))),
};

const enter = async (bench: Bench, count: number): Promise<Contestant> => {
  const { stack, client, settings, onDone } = bench;
  const running = await startFlashclaim({ stack, apis: count, settings });
  onDone(() => running.stop());
  const run = async (id: string, seconds: number): Promise<Figures> => {
    const others = watch({ ...NO_PROCESSES, api: running.otherApis });
    const load = { client, running, connections: CONNECTIONS, expect: 'claimed', seconds } as const;
    const figures = await runClaims(id, load);
    const { api: used } = others.end().cpuSeconds;
    if (figures.fault || used === undefined) return figures;
    return { ...figures, note: `the other ${count - 1} used ${used.toFixed(2)} s of CPU meanwhile` };
  };
  return contestantOf(`flashclaim, ${count} API ${count === 1 ? 'process' : 'processes'}`, bench, run);
};
