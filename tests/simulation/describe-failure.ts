import { describeViolations } from '@flashclaim/audit';
import type { VirtualClock } from './clock.ts';
import type { Mutation } from './mutations.ts';
import { simulate } from './simulate.ts';

/** Describes the failure of a seed: runs it again with a trace. */
export const describeFailure = async (
  clock: VirtualClock,
  seed: number,
  mutations: Iterable<Mutation> = [],
): Promise<string> => {
  const { violations, trace } = await simulate(clock, seed, { mutations, traced: true });
  return [
    `seed ${seed}:`,
    ...trace.map((line) => `  ${line}`),
    describeViolations(violations),
    `To repeat it: npm run simulate -- --seed ${seed} --runs 1`,
  ].join('\n');
};
