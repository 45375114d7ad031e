import type { ObjectId } from 'mongodb';
import type { Mongo } from './mongo.ts';
import { retryTransaction } from './transaction.ts';

/** Claims of one transaction. */
const BATCH_CLAIMS = 500;

/**
 * Rewrites claims whose `_id` is an ObjectId, as another program may have stored them: the `_id` becomes its hexadecimal text,
 * because callers name a claim by a text. Runs after the claims are numbered by their order of insertion, which it changes.
 */
export const rewriteIds = async ({ client, claims }: Mongo): Promise<void> => {
  const rewriteSome = () =>
    retryTransaction(client, async (session) => {
      const options = { session, sort: { _id: 1 as const }, limit: BATCH_CLAIMS };
      const found = await claims.find({ _id: { $type: 'objectId' } }, options).toArray();
      if (found.length === 0) return 0;
      await claims.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } }, { session });
      const rewritten = found.map((claim) => ({ ...claim, _id: (claim._id as unknown as ObjectId).toHexString() }));
      await claims.insertMany(rewritten, { session });
      return found.length;
    });
  while ((await rewriteSome()) > 0);
};
