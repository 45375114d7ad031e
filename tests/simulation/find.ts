import type { Invariant } from '@flashclaim/audit';
import type { VirtualClock } from './clock.ts';
import type { Plant } from './plants.ts';
import { simulate } from './simulate.ts';
import type { Met } from './world.ts';

interface Seeds {
  first: number;
  runs: number;
  plants?: Iterable<Plant>;
  met?: Met;
  /** What is looked for; by default anything. */
  invariant?: Invariant;
}

export interface Found {
  seed: number;
  invariants: Invariant[];
}

/** Resolves to the first of these seeds that finds anything. */
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
