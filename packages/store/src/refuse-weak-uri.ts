import { StartError } from '@flashclaim/runtime';
import { MongoClient } from 'mongodb';

/** An option of the address. If it is set, it must have the `required` value; without one, it must not be set. */
interface Option {
  value: unknown;
  required?: unknown;
  why: string;
}

/**
 * Refuses an address whose options weaken reads or writes. The guarantees of Flashclaim need majority reads from the primary and
 * journaled majority writes, and an option of the address may override the option in the code. The driver parses the address,
 * because it knows all names of each option.
 * @throws StartError that names the option, without the password.
 */
export const refuseWeakUri = (uri: string): void => {
  const { options: address, bsonOptions } = new MongoClient(uri);
  const { readConcern, readPreference, writeConcern } = address;
  const { promoteValues, promoteLongs, useBigInt64, raw } = bsonOptions;
  const reads = 'but reads must have read concern majority';
  const writes = 'but a claim is valid only once a majority has it in its journal';
  const numbers = 'but the apps need JavaScript numbers';
  const options: Record<string, Option> = {
    readConcernLevel: { value: readConcern?.level, required: 'majority', why: reads },
    readPreference: { value: readPreference.mode, required: 'primary', why: 'but only the primary has all claims' },
    w: { value: writeConcern?.w, required: 'majority', why: writes },
    journal: { value: writeConcern?.journal, required: true, why: writes },
    wtimeoutMS: { value: writeConcern?.wtimeoutMS, why: 'but a write that takes longer may still be committed' },
    promoteValues: { value: promoteValues, required: true, why: numbers },
    promoteLongs: { value: promoteLongs, required: true, why: numbers },
    useBigInt64: { value: useBigInt64, required: false, why: numbers },
    raw: { value: raw, required: false, why: 'but the apps need documents, not bytes' },
  };
  for (const [name, { value, required, why }] of Object.entries(options))
    if (value !== undefined && value !== required)
      throw new StartError(`MONGO_URI sets ${name} to ${value}, ${why}: remove ${name} from it.`);
};
