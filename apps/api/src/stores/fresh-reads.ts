import { type Mongo, retryTransaction, withDriverTimeout } from '@flashclaim/store';
import type { ClientSession } from 'mongodb';

/**
 * Reads that contain everything that was acknowledged before they began.
 *
 * The majority reads of a new primary may lag behind that, until a transaction has committed there. So this reads in a
 * transaction until one has committed since the last change of the replica set that the driver has seen, and always where the
 * driver sees no change of it. In a transaction every time would cost a fifth of the reads in a second.
 */
export class FreshReads {
  readonly #mongo: Pick<Mongo, 'client' | 'seesElections'>;
  /** Counts changes of the replica set as the driver sees it: after each, another member may be the primary. */
  #changes = 0;
  /** The count for which majority reads are fresh. */
  #freshSince = -1;

  constructor(mongo: Pick<Mongo, 'client' | 'seesElections'>) {
    this.#mongo = mongo;
    mongo.client.on('topologyDescriptionChanged', () => {
      this.#changes++;
    });
  }

  /** @param body reads in the session of a transaction, or without one with at least the read concern `majority`. */
  async read<T>(body: (session: ClientSession | undefined) => Promise<T>): Promise<T> {
    if (this.#freshSince === this.#changes) {
      const result = await body(undefined);
      if (this.#freshSince === this.#changes) return result;
    }
    const changes = this.#changes;
    const { client, seesElections } = this.#mongo;
    const result = await retryTransaction(client, (session) => withDriverTimeout(body(session)));
    if (seesElections) this.#freshSince = changes;
    return result;
  }
}
