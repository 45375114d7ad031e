import { recount } from '@flashclaim/audit';
import type { Mongo } from '@flashclaim/store';
import { expect } from 'vitest';

/** The invariants that one look at the database can show: stock and claims agree, and no user holds two units. */
export const expectExact = async (mongo: Mongo): Promise<void> => {
  const { faulty, orphans } = await recount(mongo);
  expect({ faulty, orphans }).toEqual({ faulty: [], orphans: [] });
};
