import type { ClaimFields } from '@flashclaim/core';
import { type COLLECTIONS, INDEXES } from '@flashclaim/store';
import { MongoErrorLabel, MongoNetworkError, MongoServerError, ObjectId, Timestamp } from 'mongodb';
import { matches, UnknownToModel } from './matches.ts';
import { ModelCollection } from './model-collection.ts';
import { Replication, toTimestamp } from './replication.ts';
import type { World } from './world.ts';

type ClaimDocument = ClaimFields<ObjectId>;

/** A document with a string `_id`. */
export type ModelDocument = { _id: string } & Record<string, unknown>;
export type CollectionName = Exclude<(typeof COLLECTIONS)[keyof typeof COLLECTIONS], 'coupons'>;

interface Coupon {
  _id: ObjectId;
  name: string;
  amount: number;
  /** The remaining amount after each commit that changed it. */
  versions: { at: number; remaining: number }[];
  /** The open transaction that has changed it. */
  changedBy?: Transaction | undefined;
}

export interface UpdateMany {
  q: object;
  u: { $inc: { remaining_amount: number } };
  multi: boolean;
}

/** A transaction at the server. */
export class Transaction {
  open = true;
  /** The snapshot: the last write that it sees. The first command sets it, as in MongoDB. */
  seesUpTo: number | undefined;
  /** The write that committed it. */
  committedAt: number | undefined;
  readonly inserted: { collection: CollectionName; document: ModelDocument }[] = [];
  readonly remaining = new Map<Coupon, number>();
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

const idKey = (collection: CollectionName) => (document: ModelDocument) => [`${collection} ${document._id}`];
const userKey = ({ user_id, coupon_id }: ModelDocument) => `user ${user_id} ${(coupon_id as ObjectId).toHexString()}`;

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
  readonly #coupons = new Map<string, Coupon>();
  readonly #collections: Record<CollectionName, ModelCollection<ModelDocument>>;
  /** The owner of each unique key: a document (the write that inserted it), or an open transaction. */
  readonly #keys = new Map<string, number | Transaction>();
  /** The write that released each key. */
  readonly #freed = new Map<string, number>();
  readonly #open = new Set<Transaction>();
  #created = 0;
  up = true;

  constructor(world: World) {
    this.#world = world;
    this.replication = new Replication(world);
    const claimKeys = idKey('claims');
    const holdersUnseen = world.mutations.has('holders unseen');
    this.#collections = {
      claims: new ModelCollection((claim) =>
        holdersUnseen ? claimKeys(claim) : [...claimKeys(claim), userKey(claim)],
      ),
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
    this.#newCoupon(name, amount, 0);
  }

  /**
   * Creates a coupon during the sale. Resolves to whether it is new, once a majority has it. Rejects if an election makes that
   * unknown.
   */
  async createCouponLate(name: string, amount: number): Promise<boolean> {
    const isNew = !this.#coupons.has(name);
    const at = this.replication.write();
    if (isNew) this.#newCoupon(name, amount, at);
    await this.replication.replicate(at);
    return isNew;
  }

  #newCoupon(name: string, amount: number, at: number): void {
    const _id = new ObjectId(String(++this.#created).padStart(24, '0'));
    this.#coupons.set(name, { _id, name, amount, versions: [{ at, remaining: amount }] });
  }

  begin(): Transaction {
    const transaction = new Transaction();
    this.#open.add(transaction);
    setTimeout(() => this.abort(transaction), LIFETIME_MS);
    return transaction;
  }

  /** Finds coupons; a transaction sees its own changes too. */
  findCoupons(filter: object, seen: number, transaction?: Transaction) {
    return [...this.#coupons.values()]
      .flatMap((coupon) => this.#asSeen(coupon, seen, transaction) ?? [])
      .filter((coupon) => matches(coupon, filter));
  }

  find(collection: CollectionName, filter: object, seen: number): ModelDocument[] {
    return this.#collections[collection].find(filter, seen);
  }

  /** Finds documents as a transaction sees them, with its own writes. */
  findIn(transaction: Transaction, collection: CollectionName, filter: object): ModelDocument[] {
    const found = this.find(collection, filter, this.seenBy(transaction));
    for (const own of transaction.inserted)
      if (own.collection === collection && matches(own.document, filter)) found.push(own.document);
    const { mutations } = this.#world;
    if (collection !== 'claims') return found;
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
        for (const key of this.#collections[collection].keysOf(document)) {
          const taken = this.#keys.get(key);
          if (taken === transaction || (typeof taken === 'number' && taken <= seen)) throw new DuplicateKey(index);
          if (taken !== undefined || (this.#freed.get(key) ?? 0) > seen) throw this.#conflict();
          this.#keys.set(key, transaction);
        }
        transaction.inserted.push({ collection, document: this.#stamped(document) });
      }
    });
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

  /** Returns the number of matching coupons. */
  updateCoupons(updates: readonly UpdateMany[], transaction: Transaction): number {
    let matched = 0;
    this.#orAbort(transaction, () => {
      const seen = this.seenBy(transaction);
      for (const { q, u, multi } of updates) {
        if (!multi) throw new UnknownToModel('an update of one document');
        for (const coupon of this.#coupons.values()) {
          const document = this.#asSeen(coupon, seen, transaction);
          if (!document) continue;
          const filter = this.#world.mutations.has('no guard') ? { ...q, remaining_amount: { $gte: -1_000 } } : q;
          if (!matches(document, filter)) continue;
          const changed = (coupon.versions.at(-1)?.at ?? 0) > seen;
          if (changed || (coupon.changedBy && coupon.changedBy !== transaction)) throw this.#conflict();
          coupon.changedBy = transaction;
          transaction.remaining.set(coupon, document.remaining_amount + u.$inc.remaining_amount);
          matched++;
        }
      }
    });
    return matched;
  }

  /** Commits. Resolves once a majority has everything that the transaction wrote and read. May be repeated. */
  commit(transaction: Transaction): Promise<void> {
    const { replication } = this;
    const { committedAt } = transaction;
    if (committedAt !== undefined && !replication.isLost(committedAt)) return replication.onceMajority(committedAt);
    const seen = this.seenBy(transaction);
    const writes = transaction.inserted.length > 0 || transaction.remaining.size > 0;
    const at = writes ? replication.write() : seen;
    for (const { collection, document } of transaction.inserted) this.#store(collection, document, at);
    for (const [coupon, remaining] of transaction.remaining) {
      coupon.versions.push({ at, remaining });
      coupon.changedBy = undefined;
    }
    transaction.inserted.length = 0;
    transaction.remaining.clear();
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
    // Also keys of documents from an insert that failed at a later document.
    for (const [key, by] of this.#keys) if (by === transaction) this.#keys.delete(key);
    for (const coupon of transaction.remaining.keys()) coupon.changedBy = undefined;
  }

  /** Another member takes over: writes that it does not have are lost, and open transactions end. */
  failover(): void {
    for (const transaction of this.#open) this.abort(transaction);
    const last = this.replication.failover(() => networkError(MongoErrorLabel.UnknownTransactionCommitResult));
    for (const collection of Object.values(this.#collections)) {
      const { removed, restored } = collection.rollBackTo(last);
      for (const document of removed) for (const key of collection.keysOf(document)) this.#keys.delete(key);
      for (const { document, at } of restored) for (const key of collection.keysOf(document)) this.#keys.set(key, at);
    }
    for (const coupon of this.#coupons.values()) coupon.versions = coupon.versions.filter(({ at }) => at <= last);
    for (const [name, { versions }] of this.#coupons) if (versions.length === 0) this.#coupons.delete(name);
  }

  /** The final state, for the checker. */
  state() {
    const seen = this.replication.committed;
    const nameOf = new Map([...this.#coupons.values()].map(({ _id, name }) => [_id.toHexString(), name]));
    return {
      coupons: new Map(
        this.findCoupons({}, seen).map(({ name, amount, remaining_amount }) => [
          name,
          { amount, remaining: remaining_amount },
        ]),
      ),
      claims: (this.find('claims', {}, seen) as unknown as ClaimDocument[]).map(({ _id, user_id, coupon_id }) => ({
        id: _id,
        user: user_id,
        coupon: nameOf.get(coupon_id.toHexString()) as string,
      })),
    };
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

  #asSeen(coupon: Coupon, seen: number, transaction?: Transaction) {
    const { _id, name, amount, versions } = coupon;
    const version = versions.findLast(({ at }) => at <= seen);
    return version && { _id, name, amount, remaining_amount: transaction?.remaining.get(coupon) ?? version.remaining };
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
