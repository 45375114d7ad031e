import { describeViolations } from '@flashclaim/audit';
import type { VirtualClock } from './clock.ts';
import type { Plant } from './plants.ts';
import { simulate } from './simulate.ts';

/** What went wrong with a seed, for a person: the run is made again, and this time everything is written down. */
export const describeFailure = async (
  clock: VirtualClock,
  seed: number,
  plants: Iterable<Plant> = [],
): Promise<string> => {
  const { violations, trace } = await simulate(clock, seed, { plants, traced: true });
  return [
    `seed ${seed}:`,
    ...trace.map((line) => `  ${line}`),
    describeViolations(violations),
    `The same again: npm run simulate -- --seed ${seed} --runs 1`,
  ].join('\n');
};
