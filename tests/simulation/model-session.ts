import { MongoErrorLabel, type Timestamp } from 'mongodb';
import { type ModelStore, networkError, type Transaction } from './model-store.ts';
import { toTimestamp } from './replication.ts';
import { callStore, faulty, type Process, type World } from './world.ts';

export interface SessionOptions {
  causalConsistency?: boolean;
  /** All reads see the moment of the first. */
  snapshot?: boolean;
}

/** A session of the driver: for transactions one after the other, or for causally consistent reads. */
export class ModelSession {
  #transaction: Transaction | undefined;
  #state: 'none' | 'begun' | 'over' = 'none';
  #operationTime: number | undefined;
  /** Reads of this session must see at least this write. */
  #operationAt = 0;
  readonly #world: World;
  readonly #process: Process;
  readonly #store: ModelStore;
  readonly #isCausal: boolean;
  readonly isSnapshot: boolean;
  #snapshotAt: number | undefined;

  constructor(
    world: World,
    process: Process,
    store: ModelStore,
    { snapshot = false, causalConsistency = !snapshot }: SessionOptions = {},
  ) {
    this.#world = world;
    this.#process = process;
    this.#store = store;
    this.#isCausal = causalConsistency;
    this.isSnapshot = snapshot;
  }

  get operationTime(): Timestamp | undefined {
    return this.#operationTime === undefined ? undefined : toTimestamp(this.#operationTime);
  }

  /** The write for which a read of this session must wait, if any. */
  get after(): number | undefined {
    return this.#isCausal && this.#operationTime !== undefined ? this.#operationAt : undefined;
  }

  /** The write up to which all reads of a snapshot session see. @param first where this is the first of them. */
  snapshotAt(first: number): number {
    this.#snapshotAt ??= first;
    return this.#snapshotAt;
  }

  /** The current transaction, which begins at the server with its first command; undefined outside of transactions. */
  get transaction(): Transaction | undefined {
    if (this.#state === 'none') return undefined;
    this.#transaction ??= this.#store.begin();
    return this.#transaction;
  }

  /** Records the cluster time of a reply. */
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
    const { mutations } = this.#world;
    const committed = callStore(this.#world, this.#process, async () => {
      await this.#commit(transaction);
      const { replication } = this.#store;
      this.replied(replication.committed, replication.appliedTime);
    });
    if (mutations.has('commit unchecked')) {
      committed.catch(() => {});
      return Promise.resolve();
    }
    return mutations.has('unknown is success') ? committed.catch(() => {}) : committed;
  }

  #commit(transaction: Transaction): Promise<void> {
    const { random, coverage } = this.#world;
    const unknown = () => {
      coverage['unknown commits']++;
      return networkError(MongoErrorLabel.UnknownTransactionCommitResult);
    };
    if (!this.#store.up) throw unknown();
    if (!faulty(this.#world)) return this.#store.commit(transaction);
    // The connection breaks: the server got the commit, did not get it, or commits later than the client knows.
    const committed = () => this.#store.commit(transaction).catch(() => {});
    // The server says `transient` only of a transaction that it has not committed.
    const picked = random.pick(['received', 'lost', 'late', 'transient']);
    const fate = picked === 'transient' && transaction.committedAt !== undefined ? 'received' : picked;
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
    coverage['transient errors']++;
    throw networkError(MongoErrorLabel.TransientTransactionError);
  }

  async abortTransaction(): Promise<void> {
    this.#state = 'over';
    const transaction = this.#transaction;
    if (transaction)
      await callStore(this.#world, this.#process, () => this.#store.up && this.#store.abort(transaction));
  }

  async endSession(): Promise<void> {}
}
