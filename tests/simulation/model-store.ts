import { type State, toState } from '@flashclaim/audit';
import { type ClaimFields, type CouponFields, newCoupon } from '@flashclaim/core';
import { type COLLECTIONS, INDEXES } from '@flashclaim/store';
import { MongoErrorLabel, MongoNetworkError, MongoServerError, ObjectId, Timestamp, type WithId } from 'mongodb';
import { applyUpdate } from './apply-update.ts';
import { matches, UnknownToModel } from './matches.ts';
import { ModelCollection, NEVER, type Stored } from './model-collection.ts';
import { mutatedUpdate, takeAgain } from './mutated-store.ts';
import { Replication, toTimestamp } from './replication.ts';
import type { World } from './world.ts';

/** A document. Its `_id` is a string, except that of a coupon. */
export type ModelDocument = { _id: string } & Record<string, unknown>;
export type CollectionName = (typeof COLLECTIONS)[keyof typeof COLLECTIONS];

/** An update of `update` or of `findAndModify`. */
export interface Update {
  q: object;
  u: object;
  multi: boolean;
}

interface Inserted {
  collection: CollectionName;
  document: ModelDocument;
}

/** A change of a document that existed before the transaction. */
interface Replaced extends Inserted {
  stored: Stored<ModelDocument>;
}

/** A transaction at the server. */
export class Transaction {
  open = true;
  /** The snapshot: the last write that it sees. The first command sets it, as in MongoDB. */
  seesUpTo: number | undefined;
  /** The write that committed it. */
  committedAt: number | undefined;
  readonly inserted: Inserted[] = [];
  readonly replaced: Replaced[] = [];
  /** The unique keys that its changes release, each with the write that had taken it. */
  readonly freed = new Map<string, number>();
  /** The keys among them that it has taken again, each with that write. */
  readonly retaken = new Map<string, number>();

  /** The owner of a key that it has released, as others see it; or else itself. */
  ownerOf(key: string): number | Transaction {
    return this.freed.get(key) ?? this;
  }
}

/** MongoDB's own `transactionLifetimeLimitSeconds`, as docs/deploy.md advises. */
const LIFETIME_MS = 5_000;

/** How often MongoDB deletes documents by age. */
const DELETE_EVERY_MS = 60_000;

/** Pause before a write outside of transactions retries after a conflict with a transaction. */
const CONFLICT_RETRY_MS = 2;

const NO_COUPON = new ObjectId('f'.repeat(24));

const labelled = (code: number, message: string, label?: string) =>
  new MongoServerError({ message, code, ...(label && { errorLabels: [label] }) });

export const networkError = (label?: string): MongoNetworkError => {
  const error = new MongoNetworkError('connection closed');
  if (label) error.addErrorLabel(label);
  return error;
};

/** Another document has the same unique key. */
export class DuplicateKey extends Error {
  /** Position of the document in its list. */
  readonly index: number;

  constructor(index: number) {
    super('duplicate key');
    this.index = index;
  }
}

const hex = (id: unknown): string => (id as ObjectId).toHexString();
const idKey = (collection: CollectionName) => (document: ModelDocument) => [`${collection} ${document._id}`];

/** The unique keys of a claim, as the indexes define them. Only a live claim has the key of its user. */
const claimKeys = (claim: ModelDocument): string[] => [
  ...idKey('claims')(claim),
  ...(claim['ordinal'] === 1 ? [userKey(claim)] : []),
];
const userKey = ({ user_id, coupon_id }: ModelDocument) => `user ${user_id} ${hex(coupon_id)}`;

/** How long the documents of a collection are kept after the time in one of their fields. */
const lifetimes = (Object.keys(INDEXES) as (keyof typeof INDEXES)[]).flatMap((collection) =>
  INDEXES[collection].flatMap(({ key, expireAfterSeconds: seconds }) =>
    seconds === undefined
      ? []
      : [{ collection: collection as CollectionName, field: Object.keys(key)[0] as string, seconds }],
  ),
);

/**
 * MongoDB as the claim path uses it: snapshots, unique indexes, write conflicts, and commits that count once a majority has
 * them. model-store.test.ts compares it with a real MongoDB.
 */
export class ModelStore {
  readonly #world: World;
  readonly replication: Replication;
  readonly #collections: Record<CollectionName, ModelCollection<ModelDocument>>;
  /** The owner of each unique key: a document (the write that inserted it), or an open transaction. */
  readonly #keys = new Map<string, number | Transaction>();
  /** The write that released each key. */
  readonly #freed = new Map<string, number>();
  readonly #open = new Set<Transaction>();
  readonly #listeners: (() => void)[] = [];
  #created = 0;
  up = true;

  constructor(world: World) {
    this.#world = world;
    this.replication = new Replication(world);
    const { mutations } = world;
    const keysOfClaim = (claim: ModelDocument): string[] => {
      const keys = claimKeys(claim);
      return mutations.has('holders unseen') ? keys.filter((key) => key !== userKey(claim)) : keys;
    };
    this.#collections = {
      coupons: new ModelCollection(({ name }) => [`coupon ${name}`]),
      claims: new ModelCollection(keysOfClaim),
      events: new ModelCollection(({ coupon_id, number }) => [`event ${hex(coupon_id)} ${number}`]),
      job_records: new ModelCollection(idKey('job_records')),
      pending_claims: new ModelCollection(idKey('pending_claims')),
    };
    const timer = setInterval(() => this.#deleteByAge(), DELETE_EVERY_MS);
    timer.unref();
  }

  get openTransactions(): number {
    return this.#open.size;
  }

  /** Creates a coupon before the run starts. */
  createCoupon(name: string, amount: number): void {
    this.#store('coupons', this.#newCoupon(name, amount), 0);
  }

  /**
   * Creates a coupon during the sale. Resolves to whether it is new, once a majority has it. Rejects if an election makes that
   * unknown.
   */
  async createCouponLate(name: string, amount: number): Promise<boolean> {
    const at = await this.insert('coupons', this.#newCoupon(name, amount));
    const { committed } = this.replication;
    await (at === undefined ? this.replication.onceMajority(committed) : this.replication.replicate(at));
    return at !== undefined;
  }

  #newCoupon(name: string, amount: number): ModelDocument {
    const _id = new ObjectId(String(++this.#created).padStart(24, '0'));
    return { ...newCoupon({ name, amount }, this.now), _id } as unknown as ModelDocument;
  }

  /** The time of the primary's own clock: `$$NOW` and `$currentDate`. */
  get now(): Date {
    return new Date(this.replication.wallMs);
  }

  begin(): Transaction {
    const transaction = new Transaction();
    this.#open.add(transaction);
    setTimeout(() => this.abort(transaction), LIFETIME_MS);
    return transaction;
  }

  find(collection: CollectionName, filter: object, seen: number): ModelDocument[] {
    return this.#collections[collection].find(filter, seen);
  }

  /** Finds documents as a transaction sees them, with its own writes. */
  findIn(transaction: Transaction, collection: CollectionName, filter: object): ModelDocument[] {
    const changed = new Set<object>(transaction.replaced.map(({ stored }) => stored));
    const found = this.#collections[collection]
      .findStored(filter, this.seenBy(transaction))
      .filter((stored) => !changed.has(stored))
      .map(({ document }) => document);
    for (const own of [...transaction.replaced, ...transaction.inserted])
      if (own.collection === collection && matches(own.document, filter)) found.push(own.document);
    const { mutations } = this.#world;
    if (collection === 'job_records' && mutations.has('released claim granted again by its own job')) return [];
    if (collection !== 'claims') return found;
    if (mutations.has('release twice')) return found.map(({ ended_at: _, ...claim }) => claim as ModelDocument);
    if (mutations.has('holders unseen')) return found.map((claim) => ({ ...claim, coupon_id: NO_COUPON }));
    return mutations.has('ids unseen') ? found.map((claim) => ({ ...claim, _id: `not ${claim._id}` })) : found;
  }

  /**
   * The snapshot of a transaction, which its first command sets.
   * @throws MongoServerError if the transaction has ended at the server.
   */
  seenBy(transaction: Transaction): number {
    if (!transaction.open) throw labelled(251, 'NoSuchTransaction', MongoErrorLabel.TransientTransactionError);
    transaction.seesUpTo ??= this.replication.committed;
    return transaction.seesUpTo;
  }

  /** @throws DuplicateKey, which ends the transaction as every other error does. */
  insertIn(transaction: Transaction, collection: CollectionName, documents: readonly ModelDocument[]): void {
    this.#orAbort(transaction, () => {
      const seen = this.seenBy(transaction);
      for (const [index, document] of documents.entries()) {
        if (this.#isAgain(collection, document)) this.updateIn(transaction, 'coupons', [takeAgain(document)]);
        if (this.#isForgottenJob(collection, document)) continue;
        for (const key of this.#collections[collection].keysOf(document)) this.#takeKey(transaction, key, seen, index);
        transaction.inserted.push({ collection, document: this.#stamped(document) });
      }
    });
  }

  /** For a mutation: whether the user of a claim had another one that was released. */
  #isAgain(collection: CollectionName, { user_id, coupon_id }: ModelDocument): boolean {
    if (!this.#world.mutations.has('unit lost when a released user claims again') || collection !== 'claims')
      return false;
    return this.find('claims', { user_id, coupon_id, state: 'released' }, this.replication.committed).length > 0;
  }

  /** For a mutation: whether a job has a record already. */
  #isForgottenJob(collection: CollectionName, { _id }: ModelDocument): boolean {
    if (!this.#world.mutations.has('released claim granted again by its own job')) return false;
    return collection === 'job_records' && this.find(collection, { _id }, this.replication.committed).length > 0;
  }

  #takeKey(transaction: Transaction, key: string, seen: number, index: number): void {
    const taken = this.#keys.get(key);
    // The transaction itself has released it.
    const freed = transaction.freed.get(key);
    if (taken === transaction && freed !== undefined) {
      transaction.freed.delete(key);
      transaction.retaken.set(key, freed);
      return;
    }
    // Another open transaction may have released it: its owner still counts.
    const owner = taken instanceof Transaction && taken !== transaction ? taken.ownerOf(key) : taken;
    if (owner === transaction || (typeof owner === 'number' && owner <= seen)) throw new DuplicateKey(index);
    if (taken !== undefined || (this.#freed.get(key) ?? 0) > seen) throw this.#conflict();
    this.#keys.set(key, transaction);
  }

  /**
   * Inserts a document outside of transactions. If an open transaction has its key, it waits for the end of that.
   * Resolves to the write, or to undefined for a duplicate.
   */
  async insert(collection: CollectionName, document: ModelDocument): Promise<number | undefined> {
    const { term } = this.replication;
    const keys = this.#collections[collection].keysOf(document);
    for (;;) {
      if (!this.up || term !== this.replication.term) throw networkError();
      if (keys.some((key) => typeof this.#keys.get(key) === 'number')) return undefined;
      if (!keys.some((key) => this.#keys.has(key))) break;
      await new Promise<void>((resolve) => setTimeout(resolve, CONFLICT_RETRY_MS));
    }
    const at = this.replication.write();
    this.#store(collection, this.#stamped(document), at);
    return at;
  }

  /** Updates documents. Returns them as they are after it. */
  updateIn(transaction: Transaction, collection: CollectionName, updates: readonly Update[]): ModelDocument[] {
    const updated: ModelDocument[] = [];
    this.#orAbort(transaction, () => {
      const seen = this.seenBy(transaction);
      for (const { q: filter, u: update, multi } of updates) {
        const [q, u] = mutatedUpdate(this.#world, collection, filter, update);
        const own = transaction.replaced.filter((one) => one.collection === collection && matches(one.document, q));
        const changed = new Set<object>(transaction.replaced.map(({ stored }) => stored));
        const found = this.#collections[collection].findStored(q, seen).filter((stored) => !changed.has(stored));
        if (!multi && own.length + found.length > 1) throw new UnknownToModel('an update of one of several documents');
        for (const stored of found) {
          if (stored.deletedAt !== NEVER || (stored.changedBy && stored.changedBy !== transaction))
            throw this.#conflict();
          stored.changedBy = transaction;
          const replaced = { collection, stored, document: stored.document };
          transaction.replaced.push(replaced);
          own.push(replaced);
        }
        for (const one of own) {
          this.#change(transaction, one, applyUpdate(one.document, u, this.now), seen);
          updated.push(one.document);
        }
      }
    });
    return updated;
  }

  #change(transaction: Transaction, replaced: Replaced, document: ModelDocument, seen: number): void {
    const { keysOf } = this.#collections[replaced.collection];
    const [before, after] = [keysOf(replaced.document), keysOf(document)];
    for (const key of before)
      if (!after.includes(key)) {
        transaction.freed.set(key, this.#keys.get(key) as number);
        this.#keys.set(key, transaction);
      }
    for (const key of after) if (!before.includes(key)) this.#takeKey(transaction, key, seen, 0);
    replaced.document = document;
  }

  /** Commits. Resolves once a majority has everything that the transaction wrote and read. May be repeated. */
  commit(transaction: Transaction): Promise<void> {
    const { replication } = this;
    const { committedAt } = transaction;
    if (committedAt !== undefined && !replication.isLost(committedAt)) return replication.onceMajority(committedAt);
    const seen = this.seenBy(transaction);
    const writes = transaction.inserted.length > 0 || transaction.replaced.length > 0;
    const at = writes ? replication.write() : seen;
    for (const { stored } of transaction.replaced) {
      stored.deletedAt = at;
      stored.changedBy = undefined;
    }
    for (const { collection, document } of [...transaction.replaced, ...transaction.inserted])
      this.#store(collection, document, at);
    for (const key of transaction.freed.keys()) {
      this.#keys.delete(key);
      this.#freed.set(key, at);
    }
    transaction.inserted.length = 0;
    transaction.replaced.length = 0;
    transaction.freed.clear();
    transaction.retaken.clear();
    this.abort(transaction);
    transaction.committedAt = at;
    if (!writes && this.#world.mutations.has('record read by local concern')) return Promise.resolve();
    return writes ? replication.replicate(at) : replication.onceMajority(at);
  }

  /** Aborts. The server also does this after a while if the client does not end the transaction. */
  abort(transaction: Transaction): void {
    if (!transaction.open) return;
    transaction.open = false;
    this.#open.delete(transaction);
    for (const { stored } of transaction.replaced) stored.changedBy = undefined;
    // Also keys of documents from an insert that failed at a later document.
    for (const [key, by] of this.#keys) if (by === transaction) this.#keys.delete(key);
    for (const [key, at] of [...transaction.freed, ...transaction.retaken]) this.#keys.set(key, at);
  }

  /** Calls the listener at each change of the primary. */
  onFailover(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Another member takes over: writes that it does not have are lost, and open transactions end. */
  failover(): void {
    for (const transaction of this.#open) this.abort(transaction);
    for (const listener of this.#listeners) listener();
    const last = this.replication.failover(() => networkError(MongoErrorLabel.UnknownTransactionCommitResult));
    for (const collection of Object.values(this.#collections)) {
      const { removed, restored } = collection.rollBackTo(last);
      for (const document of removed) for (const key of collection.keysOf(document)) this.#keys.delete(key);
      for (const { document, at } of restored) for (const key of collection.keysOf(document)) this.#keys.set(key, at);
    }
  }

  /** The final state, for the checker. */
  state(): State {
    const seen = this.replication.committed;
    return toState(
      this.find('coupons', {}, seen) as unknown as WithId<CouponFields>[],
      this.find('claims', {}, seen) as unknown as ClaimFields<ObjectId>[],
    );
  }

  /** Replaces an empty timestamp by the cluster time of the insert. */
  #stamped(document: ModelDocument): ModelDocument {
    const stamped = Object.entries(document).filter(([, value]) => value instanceof Timestamp && value.isZero());
    if (stamped.length === 0) return document;
    return {
      ...document,
      ...Object.fromEntries(stamped.map(([field]) => [field, toTimestamp(this.replication.tick())])),
    };
  }

  #store(collection: CollectionName, document: ModelDocument, at: number): void {
    const target = this.#collections[collection];
    target.insert(document, at);
    for (const key of target.keysOf(document)) this.#keys.set(key, at);
  }

  /** Deletes by the clock of the primary, as MongoDB does. */
  #deleteByAge(): void {
    if (!this.up) return;
    for (const { collection, field, seconds } of lifetimes) {
      const before = (this.replication.wallSeconds - seconds) * 1_000;
      const holds = (document: ModelDocument) => (document[field] as Date).getTime() < before;
      this.#world.coverage['expired documents'] += this.#delete(collection, holds);
    }
  }

  /** For a mutation only. */
  deletePending(holds: (id: string) => boolean): void {
    this.#delete('pending_claims', ({ _id }) => holds(_id));
  }

  /** Returns the number of deleted documents. */
  #delete(collection: CollectionName, holds: (document: ModelDocument) => boolean): number {
    let at = 0;
    const write = () => {
      at = this.replication.write();
      return at;
    };
    const target = this.#collections[collection];
    const deleted = target.deleteWhere(holds, write);
    for (const document of deleted)
      for (const key of target.keysOf(document)) {
        this.#keys.delete(key);
        this.#freed.set(key, at);
      }
    if (deleted.length > 0) this.replication.replicate(at).catch(() => {});
    return deleted.length;
  }

  #conflict(): Error {
    this.#world.coverage.conflicts++;
    return labelled(112, 'WriteConflict', MongoErrorLabel.TransientTransactionError);
  }

  /** A failed command ends its transaction at the server. */
  #orAbort(transaction: Transaction, command: () => void): void {
    try {
      command();
    } catch (error) {
      this.abort(transaction);
      throw error;
    }
  }
}
