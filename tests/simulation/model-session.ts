import { MongoErrorLabel, type Timestamp } from 'mongodb';
import { type ModelStore, networkError, type Transaction } from './model-store.ts';
import { toTimestamp } from './replication.ts';
import { ask, faulty, type Process, type World } from './world.ts';

export interface SessionOptions {
  causalConsistency?: boolean;
}

/** A driver's session: of one transaction after the other, or of reads that each see what the last one saw. */
export class ModelSession {
  #transaction: Transaction | undefined;
  #state: 'none' | 'begun' | 'over' = 'none';
  #operationTime: number | undefined;
  /** The write up to which reads of this session must see. */
  #operationAt = 0;
  readonly #world: World;
  readonly #process: Process;
  readonly #store: ModelStore;
  readonly #isCausal: boolean;

  constructor(world: World, process: Process, store: ModelStore, { causalConsistency = true }: SessionOptions = {}) {
    this.#world = world;
    this.#process = process;
    this.#store = store;
    this.#isCausal = causalConsistency;
  }

  get operationTime(): Timestamp | undefined {
    return this.#operationTime === undefined ? undefined : toTimestamp(this.#operationTime);
  }

  /** What a read of this session must wait for; undefined where it need not. */
  get after(): number | undefined {
    return this.#isCausal && this.#operationTime !== undefined ? this.#operationAt : undefined;
  }

  /** The server knows a transaction from its first command on; without one, the session only keeps reads in order. */
  get transaction(): Transaction | undefined {
    if (this.#state === 'none') return undefined;
    this.#transaction ??= this.#store.begin();
    return this.#transaction;
  }

  /** A reply came that bears this cluster time. */
  replied(at: number, time: number): void {
    if (!this.#isCausal) return;
    this.#operationAt = Math.max(this.#operationAt, at);
    this.#operationTime = Math.max(this.#operationTime ?? 0, time);
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
    const committed = ask(this.#world, this.#process, async () => {
      await this.#commit(transaction);
      const { replication } = this.#store;
      this.replied(replication.committed, replication.appliedTime);
    });
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
    // The connection breaks: the server has received the commit, or has not, or carries it out later than its client knows.
    const committed = () => this.#store.commit(transaction).catch(() => {});
    const fate = random.pick(['received', 'lost', 'late', 'transient']);
    if (fate === 'received') void committed();
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
