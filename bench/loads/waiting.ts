import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { runBurst, tooManyConnections } from '../client/burst.ts';
import { cpuSeconds, HAS_PROC } from '../measure/process-figures.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { describe } from './burst.ts';
import { figuresOf, recount } from './figures.ts';
import type { BenchLoad } from './load.ts';

const CLAIMS = 10_000;

/** Long enough that all claims wait for their outcome, even on a slow machine; no claim is answered `pending`. */
const WAIT_MS = 60_000;

const CHECK_EVERY_MS = 300;
/** An API that has read all requests uses less CPU than this. */
const IDLE_CPU_SHARE = 0.1;
const IDLE_MAX_MS = 20_000;

/** The memory of 10,000 waiting claims: the worker is suspended until the API has all of them. */
export const waiting: BenchLoad = {
  name: 'waiting',
  title: '10,000 claims waiting at once: memory',
  prepare: async ({ stack, settings, onDone }) => {
    const running = await startFlashclaim({ stack, settings: { ...settings, CLAIM_WAIT_MS: `${WAIT_MS}` } });
    onDone(() => running.stop());
    return [
      {
        name: 'flashclaim',
        warmUp: () => measure('warm', running, 100),
        measure: (run) => measure(run, running, CLAIMS),
      },
    ];
  },
};

const measure = async (run: string, running: RunningFlashclaim, claims: number): Promise<Figures> => {
  const unable = HAS_PROC ? tooManyConnections(claims) : 'this machine has no /proc';
  if (unable) return { fault: unable };
  await running.addStock({ names: [run], amount: claims });
  const watched = watch(running.processes);
  running.signalWorkers('SIGSTOP');
  const sent = runBurst({ url: running.url, users: claims, userPrefix: `${run}-u`, couponName: run });
  await idleAfterWork(running.processes.api[0] as number).finally(() => running.signalWorkers('SIGCONT'));
  const result = await sent;
  const cost = watched.end();
  await running.settle();

  const granted = result.statuses['200'] ?? 0;
  const { audit, fault } = await recount(running, { names: [run], before: 0, granted, unseenMax: 0 });
  const found = { note: describe(result), raw: result, ...(audit && { audit }) };
  const why = fault ?? (granted === claims ? undefined : 'not every claim was granted');
  return why ? { ...found, fault: why } : { ...found, ...figuresOf(result, cost) };
};

/** Resolves once the process has worked and is idle again. */
const idleAfterWork = async (pid: number): Promise<void> => {
  const deadline = performance.now() + IDLE_MAX_MS;
  let worked = false;
  let before = cpuSeconds(pid);
  while (performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
    const now = cpuSeconds(pid);
    const idle = now - before < (CHECK_EVERY_MS / 1000) * IDLE_CPU_SHARE;
    if (worked && idle) return;
    worked ||= !idle;
    before = now;
  }
};
