import type { CountedResult } from '@flashclaim/load';
import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { runBurst, tooManyConnections } from '../client/burst.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { figuresOf, recount } from './figures.ts';
import type { BenchLoad } from './load.ts';

const USERS = 10_000;
const UNITS = 1_000;

/** The first second of a sale: all users at once, and a tenth of them gets a unit. */
export const burst: BenchLoad = {
  name: 'burst',
  title: 'a burst of 10,000 users on 10,000 connections for 1,000 units',
  prepare: async ({ stack, settings, onDone }) => {
    const running = await startFlashclaim({ stack, settings });
    onDone(() => running.stop());
    return [
      {
        name: 'flashclaim',
        warmUp: () => measure('warm', running, { users: USERS / 10, units: UNITS }),
        measure: (run) => measure(run, running, { users: USERS, units: UNITS }),
      },
    ];
  },
};

const measure = async (
  run: string,
  running: RunningFlashclaim,
  { users, units }: { users: number; units: number },
): Promise<Figures> => {
  const tooMany = tooManyConnections(users);
  if (tooMany) return { fault: tooMany };
  await running.addStock({ names: [run], amount: units });
  const watched = watch(running.processes);
  const result = await runBurst({ url: running.url, users, userPrefix: `${run}-u`, couponName: run });
  const cost = watched.end();
  await running.settle();

  const granted = result.statuses['200'] ?? 0;
  const { audit, fault } = await recount(running, { names: [run], before: 0, granted, unseenMax: 0 });
  const found = { note: describe(result), raw: result, ...(audit && { audit }) };
  const isCorrect = granted === units && result.statuses['400'] === users - units && result.socketErrors === 0;
  const why =
    fault ??
    (isCorrect || users === units
      ? undefined
      : 'the granted claims are not exactly the units, or a claim was not answered');
  return why ? { ...found, fault: why } : { ...found, ...figuresOf(result, cost) };
};

export const describe = ({ statuses, socketErrors, seconds }: CountedResult): string => {
  const counts = Object.entries(statuses).map(([status, count]) => `${count.toLocaleString('en-US')} × ${status}`);
  return `${counts.join(', ')}, ${socketErrors} connection errors, all answered in ${seconds.toFixed(2)} s`;
};
