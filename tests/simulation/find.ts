import type { Invariant } from '@flashclaim/audit';
import type { VirtualClock } from './clock.ts';
import type { Mutation } from './mutations.ts';
import { simulate } from './simulate.ts';
import type { Coverage } from './world.ts';

interface Seeds {
  first: number;
  runs: number;
  mutations?: Iterable<Mutation>;
  coverage?: Coverage;
  /** The invariant to find a violation of; any by default. */
  invariant?: Invariant;
}

export interface Found {
  seed: number;
  invariants: Invariant[];
}

/** Resolves to the first of these seeds with such a violation. */
export const findFailure = async (
  clock: VirtualClock,
  { first, runs, invariant, ...options }: Seeds,
): Promise<Found | undefined> => {
  for (let seed = first; seed < first + runs; seed++) {
    const { violations } = await simulate(clock, seed, options);
    const invariants = new Set(violations.map((one) => one.invariant));
    if (invariant ? invariants.has(invariant) : invariants.size > 0)
      return { seed, invariants: [...invariants].sort() };
  }
  return undefined;
};
