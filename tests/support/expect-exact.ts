import { recount } from '@flashclaim/audit';
import type { Mongo } from '@flashclaim/store';
import { expect } from 'vitest';

/** Checks the invariants that the database shows: stock and claims match, and no user has two units. */
export const expectExact = async (mongo: Mongo): Promise<void> => {
  const { faulty, orphans } = await recount(mongo);
  expect({ faulty, orphans }).toEqual({ faulty: [], orphans: [] });
};
