import type { Mongo } from '@flashclaim/service';
import { MongoErrorLabel } from 'mongodb';
import { type ModelStore, networkError, type Transaction } from './model-store.ts';
import { ask, faulty, type Process, type World } from './world.ts';

interface Options {
  session?: ModelSession;
}

/** A driver's session: of one transaction after the other, as the claim path uses it. */
class ModelSession {
  #transaction: Transaction | undefined;
  #state: 'none' | 'begun' | 'over' = 'none';
  readonly #world: World;
  readonly #process: Process;
  readonly #store: ModelStore;

  constructor(world: World, process: Process, store: ModelStore) {
    this.#world = world;
    this.#process = process;
    this.#store = store;
  }

  /** The server knows a transaction from its first command on; without one, the session only keeps reads in order. */
  get transaction(): Transaction | undefined {
    if (this.#state === 'none') return undefined;
    this.#transaction ??= this.#store.begin();
    return this.#transaction;
  }

  startTransaction(): void {
    this.#transaction = undefined;
    this.#state = 'begun';
  }

  inTransaction(): boolean {
    return this.#state === 'begun';
  }

  commitTransaction(): Promise<void> {
    this.#state = 'over';
    const transaction = this.#transaction;
    if (!transaction) return Promise.resolve();
    const { plants } = this.#world;
    const committed = ask(this.#world, this.#process, () => this.#commit(transaction));
    if (plants.has('commit unchecked')) {
      committed.catch(() => {});
      return Promise.resolve();
    }
    return plants.has('unknown is success') ? committed.catch(() => {}) : committed;
  }

  #commit(transaction: Transaction): Promise<void> {
    const { random, met } = this.#world;
    const unknown = () => {
      met['unknown commits']++;
      return networkError(MongoErrorLabel.UnknownTransactionCommitResult);
    };
    if (!this.#store.up) throw unknown();
    if (!faulty(this.#world)) return this.#store.commit(transaction);
    // The connection breaks: the server has heard of the commit, or has not, or carries it out later than its client knows.
    const committed = () => this.#store.commit(transaction).catch(() => {});
    const fate = random.pick(['heard', 'unheard', 'late', 'transient']);
    if (fate === 'heard') void committed();
    else if (fate === 'late')
      setTimeout(
        () => {
          if (transaction.open) void committed();
        },
        random.int(1, 50),
      );
    else this.#store.abort(transaction);
    if (fate !== 'transient') throw unknown();
    met['transient errors']++;
    throw networkError(MongoErrorLabel.TransientTransactionError);
  }

  async abortTransaction(): Promise<void> {
    this.#state = 'over';
    const transaction = this.#transaction;
    if (transaction) await ask(this.#world, this.#process, () => this.#store.up && this.#store.abort(transaction));
  }

  async endSession(): Promise<void> {}
}

/**
 * A process's connection to the store: the few methods of the driver that the claim path calls. Whatever else is called is
 * not there, and fails.
 */
export const modelMongo = (world: World, process: Process, store: ModelStore): Mongo => {
  const command = <T>(session: ModelSession | undefined, effect: (transaction?: Transaction) => T): Promise<T> =>
    ask(world, process, () => {
      const label = session?.transaction && MongoErrorLabel.TransientTransactionError;
      if (!store.up) throw networkError(label);
      if (!faulty(world)) return effect(session?.transaction);
      world.met['transient errors']++;
      // The command may have been carried out: only its answer is lost.
      if (world.random.chance(0.5)) effect(session?.transaction);
      throw networkError(label);
    });
  const find =
    <T>(found: (filter: object, transaction?: Transaction) => T) =>
    (filter: object, { session }: Options = {}) => ({
      toArray: () => command(session, (transaction) => found(filter, transaction)),
    });

  // The one place where the model passes for the driver.
  return {
    client: {
      startSession: () => new ModelSession(world, process, store),
      withSession: <T>(_options: object, reads: (session: ModelSession) => Promise<T>) =>
        reads(new ModelSession(world, process, store)),
    },
    coupons: {
      find: find((filter, transaction) => store.findCoupons(filter, transaction)),
      insertOne: ({ name, amount }: { name: string; amount: number }) =>
        command(undefined, () => store.createCouponLate(name, amount)),
      bulkWrite: (operations: Parameters<ModelStore['updateCoupons']>[0], { session }: Required<Options>) =>
        command(session, (transaction) => store.updateCoupons(operations, transaction as Transaction)),
    },
    claims: {
      find: find((filter, transaction) => store.findClaims(filter, transaction)),
      insertMany: (documents: Parameters<ModelStore['insertClaims']>[0], { session }: Required<Options>) =>
        command(session, (transaction) => store.insertClaims(documents, transaction as Transaction)),
    },
  } as unknown as Mongo;
};
