import type { ClaimFields } from '@flashclaim/core';
import { type COLLECTIONS, INDEXES } from '@flashclaim/store';
import { MongoErrorLabel, MongoNetworkError, MongoServerError, ObjectId, Timestamp } from 'mongodb';
import { matches, UnknownToModel } from './matches.ts';
import { ModelCollection } from './model-collection.ts';
import { Replication, toTimestamp } from './replication.ts';
import type { World } from './world.ts';

type ClaimDocument = ClaimFields<ObjectId>;

/** A document of a collection whose `_id` is a text. */
export type ModelDocument = { _id: string } & Record<string, unknown>;
export type CollectionName = Exclude<(typeof COLLECTIONS)[keyof typeof COLLECTIONS], 'coupons'>;

interface Coupon {
  _id: ObjectId;
  name: string;
  amount: number;
  /** What remained after each commit that changed it. */
  versions: { at: number; remaining: number }[];
  /** The transaction that has changed it and is not over. */
  changedBy?: Transaction | undefined;
}

export interface UpdateMany {
  q: object;
  u: { $inc: { remaining_amount: number } };
  multi: boolean;
}

/** A transaction as the server has it. */
export class Transaction {
  open = true;
  /** What is committed up to here is seen. Set by the first command, as in MongoDB. */
  seesUpTo: number | undefined;
  /** The write that committed it. */
  committedAt: number | undefined;
  readonly inserted: { collection: CollectionName; document: ModelDocument }[] = [];
  readonly remaining = new Map<Coupon, number>();
}

/** MongoDB's own `transactionLifetimeLimitSeconds`, as docs/deploy.md advises. */
const LIFETIME_MS = 5_000;

/** How often MongoDB looks for documents to delete by age. */
const DELETE_EVERY_MS = 60_000;

/** How soon a write outside of transactions tries again that met one. */
const TRY_AGAIN_MS = 2;

const NO_COUPON = new ObjectId('f'.repeat(24));

const labelled = (code: number, message: string, label?: string) =>
  new MongoServerError({ message, code, ...(label && { errorLabels: [label] }) });

export const networkError = (label?: string): MongoNetworkError => {
  const error = new MongoNetworkError('connection closed');
  if (label) error.addErrorLabel(label);
  return error;
};

/** A unique key has been taken before by another document. */
export class DuplicateKey extends Error {
  /** Of the document in its list. */
  readonly index: number;

  constructor(index: number) {
    super('duplicate key');
    this.index = index;
  }
}

const idKey = (collection: CollectionName) => (document: ModelDocument) => [`${collection} ${document._id}`];
const userKey = ({ user_id, coupon_id }: ModelDocument) => `user ${user_id} ${(coupon_id as ObjectId).toHexString()}`;

/** For how long a collection's documents are kept after the time in one of their fields. */
const lifetimes = (Object.keys(INDEXES) as (keyof typeof INDEXES)[]).flatMap((collection) =>
  INDEXES[collection].flatMap(({ key, expireAfterSeconds: seconds }) =>
    seconds === undefined
      ? []
      : [{ collection: collection as CollectionName, field: Object.keys(key)[0] as string, seconds }],
  ),
);

/**
 * What MongoDB does with the commands that the claim path sends: snapshots, unique indexes, write conflicts, and commits
 * that count once a majority has them. model-store.test.ts holds it against the real one.
 */
export class ModelStore {
  readonly #world: World;
  readonly replication: Replication;
  readonly #coupons = new Map<string, Coupon>();
  readonly #collections: Record<CollectionName, ModelCollection<ModelDocument>>;
  /** Who has taken a unique key: a document, by the write that inserted it, or a transaction that is not over. */
  readonly #keys = new Map<string, number | Transaction>();
  /** The write by which a key was given up. */
  readonly #freed = new Map<string, number>();
  readonly #open = new Set<Transaction>();
  #created = 0;
  up = true;

  constructor(world: World) {
    this.#world = world;
    this.replication = new Replication(world);
    const claimKeys = idKey('claims');
    const usersUnseen = world.plants.has('holders unseen');
    this.#collections = {
      claims: new ModelCollection((claim) => (usersUnseen ? claimKeys(claim) : [...claimKeys(claim), userKey(claim)])),
      job_records: new ModelCollection(idKey('job_records')),
      pending_claims: new ModelCollection(idKey('pending_claims')),
    };
    const timer = setInterval(() => this.#deleteByAge(), DELETE_EVERY_MS);
    timer.unref();
  }

  get openTransactions(): number {
    return this.#open.size;
  }

  /** Before anything else happens. */
  createCoupon(name: string, amount: number): void {
    this.#newCoupon(name, amount, 0);
  }

  /**
   * During the sale. Resolves once a majority has it, to whether it is new; rejects where nobody knows, as the member is lost
   * that had it.
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

  /** A transaction sees its own changes, too. */
  findCoupons(filter: object, seen: number, transaction?: Transaction) {
    return [...this.#coupons.values()]
      .flatMap((coupon) => this.#asSeen(coupon, seen, transaction) ?? [])
      .filter((coupon) => matches(coupon, filter));
  }

  find(collection: CollectionName, filter: object, seen: number): ModelDocument[] {
    return this.#collections[collection].find(filter, seen);
  }

  /** What a transaction sees, its own writes included. */
  findIn(transaction: Transaction, collection: CollectionName, filter: object): ModelDocument[] {
    const found = this.find(collection, filter, this.seenBy(transaction));
    for (const own of transaction.inserted)
      if (own.collection === collection && matches(own.document, filter)) found.push(own.document);
    const { plants } = this.#world;
    if (collection !== 'claims') return found;
    if (plants.has('holders unseen')) return found.map((claim) => ({ ...claim, coupon_id: NO_COUPON }));
    return plants.has('ids unseen') ? found.map((claim) => ({ ...claim, _id: `not ${claim._id}` })) : found;
  }

  /**
   * What a transaction sees; fixed by its first command.
   * @throws MongoServerError where the transaction is over on the server.
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
   * Inserts a document outside of transactions. Where a transaction has taken its key, it waits until that is over.
   * Resolves to the write, or to undefined where it is a duplicate.
   */
  async insert(collection: CollectionName, document: ModelDocument): Promise<number | undefined> {
    const { term } = this.replication;
    const keys = this.#collections[collection].keysOf(document);
    for (;;) {
      if (!this.up || term !== this.replication.term) throw networkError();
      if (keys.some((key) => typeof this.#keys.get(key) === 'number')) return undefined;
      if (!keys.some((key) => this.#keys.has(key))) break;
      await new Promise<void>((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    }
    const at = this.replication.write();
    this.#store(collection, this.#stamped(document), at);
    return at;
  }

  /** Returns how many coupons matched. */
  updateCoupons(updates: readonly UpdateMany[], transaction: Transaction): number {
    let matched = 0;
    this.#orAbort(transaction, () => {
      const seen = this.seenBy(transaction);
      for (const { q, u, multi } of updates) {
        if (!multi) throw new UnknownToModel('an update of one document');
        for (const coupon of this.#coupons.values()) {
          const document = this.#asSeen(coupon, seen, transaction);
          if (!document) continue;
          const filter = this.#world.plants.has('no guard') ? { ...q, remaining_amount: { $gte: -1_000 } } : q;
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

  /** Resolves once a majority has all that the transaction wrote, and all that it saw. May be said again. */
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
    if (!writes && this.#world.plants.has('record read by local concern')) return Promise.resolve();
    return writes ? replication.replicate(at) : replication.onceMajority(at);
  }

  /** Also what becomes of a transaction whose client is gone, after a while. */
  abort(transaction: Transaction): void {
    if (!transaction.open) return;
    transaction.open = false;
    this.#open.delete(transaction);
    // Also a key of a document whose insert went no further.
    for (const [key, by] of this.#keys) if (by === transaction) this.#keys.delete(key);
    for (const coupon of transaction.remaining.keys()) coupon.changedBy = undefined;
  }

  /** Another member takes over: what it does not have is gone, and so are the transactions. */
  failover(): void {
    for (const transaction of this.#open) this.abort(transaction);
    const last = this.replication.failover(() => networkError(MongoErrorLabel.UnknownTransactionCommitResult));
    for (const collection of Object.values(this.#collections)) {
      const { gone, back } = collection.rollBackTo(last);
      for (const document of gone) for (const key of collection.keysOf(document)) this.#keys.delete(key);
      for (const { document, at } of back) for (const key of collection.keysOf(document)) this.#keys.set(key, at);
    }
    for (const coupon of this.#coupons.values()) coupon.versions = coupon.versions.filter(({ at }) => at <= last);
    for (const [name, { versions }] of this.#coupons) if (versions.length === 0) this.#coupons.delete(name);
  }

  /** What is there in the end. */
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

  /** An empty timestamp stands for the cluster time at which the document is inserted. */
  #stamped(document: ModelDocument): ModelDocument {
    const stamped = Object.entries(document).filter(([, value]) => value instanceof Timestamp && value.isZero());
    if (stamped.length === 0) return document;
    return {
      ...document,
      ...Object.fromEntries(stamped.map(([field]) => [field, toTimestamp(this.replication.tick())])),
    };
  }

  #store(collection: CollectionName, document: ModelDocument, at: number): void {
    const into = this.#collections[collection];
    into.insert(document, at);
    for (const key of into.keysOf(document)) this.#keys.set(key, at);
  }

  /** By the primary's own clock, as MongoDB does it. */
  #deleteByAge(): void {
    if (!this.up) return;
    for (const { collection, field, seconds } of lifetimes) {
      const before = (this.replication.wallSeconds - seconds) * 1_000;
      const holds = (document: ModelDocument) => (document[field] as Date).getTime() < before;
      this.#world.met['expired documents'] += this.#delete(collection, holds);
    }
  }

  /** For a planted bug. */
  deletePending(holds: (id: string) => boolean): void {
    this.#delete('pending_claims', ({ _id }) => holds(_id));
  }

  /** Returns how many are gone. */
  #delete(collection: CollectionName, holds: (document: ModelDocument) => boolean): number {
    let at = 0;
    const write = () => {
      at = this.replication.write();
      return at;
    };
    const of = this.#collections[collection];
    const gone = of.deleteWhere(holds, write);
    for (const document of gone)
      for (const key of of.keysOf(document)) {
        this.#keys.delete(key);
        this.#freed.set(key, at);
      }
    if (gone.length > 0) this.replication.replicate(at).catch(() => {});
    return gone.length;
  }

  #asSeen(coupon: Coupon, seen: number, transaction?: Transaction) {
    const { _id, name, amount, versions } = coupon;
    const version = versions.findLast(({ at }) => at <= seen);
    return version && { _id, name, amount, remaining_amount: transaction?.remaining.get(coupon) ?? version.remaining };
  }

  #conflict(): Error {
    this.#world.met.conflicts++;
    return labelled(112, 'WriteConflict', MongoErrorLabel.TransientTransactionError);
  }

  /** A command that fails ends its transaction on the server. */
  #orAbort(transaction: Transaction, command: () => void): void {
    try {
      command();
    } catch (error) {
      this.abort(transaction);
      throw error;
    }
  }
}
