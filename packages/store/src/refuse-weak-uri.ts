import { StartError } from '@flashclaim/runtime';
import { MongoClient } from 'mongodb';

/** What an option says, and whether that may stay. Missing is as good as what the apps set themselves. */
interface Option {
  says: unknown;
  mayBe?: unknown;
  why: string;
}

/**
 * Options of the address come before those of the code, or are passed over without a word. What the apps promise holds with
 * majority reads from the primary and with journaled majority writes, so an address that asks for anything else is refused.
 * The driver reads the address: it knows each option by all of its names.
 * @throws StartError naming the option, and no password.
 */
export const refuseWeakUri = (uri: string): void => {
  const { options: address, bsonOptions } = new MongoClient(uri);
  const { readConcern, readPreference, writeConcern } = address;
  const { promoteValues, promoteLongs, useBigInt64, raw } = bsonOptions;
  const reads = 'but what is read must be on a majority';
  const writes = 'but a claim counts once a majority has it in its journal';
  const numbers = 'but the apps count with plain numbers';
  const options: Record<string, Option> = {
    readConcernLevel: { says: readConcern?.level, mayBe: 'majority', why: reads },
    readPreference: { says: readPreference.mode, mayBe: 'primary', why: 'but only the primary has the latest claims' },
    w: { says: writeConcern?.w, mayBe: 'majority', why: writes },
    journal: { says: writeConcern?.journal, mayBe: true, why: writes },
    wtimeoutMS: { says: writeConcern?.wtimeoutMS, why: 'but a write that takes longer may be done all the same' },
    promoteValues: { says: promoteValues, mayBe: true, why: numbers },
    promoteLongs: { says: promoteLongs, mayBe: true, why: numbers },
    useBigInt64: { says: useBigInt64, mayBe: false, why: numbers },
    raw: { says: raw, mayBe: false, why: 'but the apps read documents, not bytes' },
  };
  for (const [name, { says, mayBe, why }] of Object.entries(options))
    if (says !== undefined && says !== mayBe)
      throw new StartError(`MONGO_URI sets ${name} to ${says}, ${why}: leave ${name} out of it.`);
};
