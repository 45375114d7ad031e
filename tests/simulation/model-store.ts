import type { ClaimFields } from '@flashclaim/core';
import { MongoErrorLabel, MongoNetworkError, MongoServerError, ObjectId } from 'mongodb';
import { matches } from './matches.ts';
import type { World } from './world.ts';

type ClaimDocument = ClaimFields<ObjectId>;

interface Coupon {
  _id: ObjectId;
  name: string;
  amount: number;
  /** What remained after each commit that changed it. */
  versions: { at: number; remaining: number }[];
  /** The transaction that has changed it and is not over. */
  changedBy?: Transaction | undefined;
}

interface UpdateMany {
  updateMany: { filter: object; update: { $inc: { remaining_amount: number } } };
}

/** A transaction as the server has it. */
export class Transaction {
  open = true;
  /** What is committed up to here is seen. Set by the first command, as in MongoDB. */
  seesUpTo: number | undefined;
  readonly inserted: ClaimDocument[] = [];
  readonly remaining = new Map<Coupon, number>();
}

/** MongoDB's own `transactionLifetimeLimitSeconds`, as docs/reliability.md advises. */
const LIFETIME_MS = 5_000;

const NO_COUPON = new ObjectId('f'.repeat(24));

const labelled = (code: number, message: string, label?: string) =>
  new MongoServerError({ message, code, ...(label && { errorLabels: [label] }) });

export const networkError = (label?: string): MongoNetworkError => {
  const error = new MongoNetworkError('connection closed');
  if (label) error.addErrorLabel(label);
  return error;
};

const writeConflict = () => labelled(112, 'WriteConflict', MongoErrorLabel.TransientTransactionError);
const duplicateKey = (key: string) => labelled(11_000, `E11000 duplicate key ${key}`);
const userKey = ({ user_id, coupon_id }: ClaimDocument) => `user ${user_id} ${coupon_id.toHexString()}`;

/**
 * What MongoDB does with the commands that the claim path sends: snapshots, unique indexes, write conflicts, and commits
 * that count once a majority has them. model-store.test.ts holds it against the real one.
 */
export class ModelStore {
  readonly #world: World;
  readonly #coupons = new Map<string, Coupon>();
  #claims: { at: number; document: ClaimDocument }[] = [];
  /** Unique keys: those of claims, and those that a transaction has taken and not yet committed. */
  readonly #keys = new Map<string, { at: number } | Transaction>();
  readonly #open = new Set<Transaction>();
  #created = 0;
  #committed = 0;
  #majority = 0;
  #waiting: { at: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  up = true;

  constructor(world: World) {
    this.#world = world;
  }

  get openTransactions(): number {
    return this.#open.size;
  }

  /** Before anything else happens. */
  createCoupon(name: string, amount: number): void {
    this.#newCoupon(name, amount, 0);
  }

  /** In mid-sale. Resolves once a majority has it; rejects where nobody knows, as the node is lost that had it. */
  createCouponLate(name: string, amount: number): Promise<void> {
    const at = ++this.#committed;
    this.#newCoupon(name, amount, at);
    return this.#replicate(at);
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

  findCoupons(filter: object, transaction?: Transaction) {
    const seen = this.#seenBy(transaction);
    return [...this.#coupons.values()]
      .flatMap((coupon) => this.#asSeen(coupon, seen) ?? [])
      .filter((coupon) => matches(coupon, filter));
  }

  findClaims(filter: object, transaction?: Transaction): ClaimDocument[] {
    const seen = this.#seenBy(transaction);
    const found = this.#claims
      .filter(({ at, document }) => at <= seen && matches(document, filter))
      .map(({ document }) => ({ ...document }));
    if (!transaction) return found;
    const { plants } = this.#world;
    if (plants.has('holders unseen')) return found.map((claim) => ({ ...claim, coupon_id: NO_COUPON }));
    return plants.has('ids unseen') ? found.map((claim) => ({ ...claim, _id: `not ${claim._id}` })) : found;
  }

  insertClaims(documents: readonly ClaimDocument[], transaction: Transaction): void {
    this.#orAbort(transaction, () => {
      const seen = this.#seenBy(transaction);
      for (const document of documents) {
        for (const key of this.#keysOf(document)) {
          const taken = this.#keys.get(key);
          if (taken === transaction || (taken && 'at' in taken && taken.at <= seen)) throw duplicateKey(key);
          if (taken) throw this.#conflict();
          this.#keys.set(key, transaction);
        }
        transaction.inserted.push(document);
      }
    });
  }

  updateCoupons(operations: readonly UpdateMany[], transaction: Transaction): { matchedCount: number } {
    let matchedCount = 0;
    this.#orAbort(transaction, () => {
      const seen = this.#seenBy(transaction);
      for (const { updateMany } of operations)
        for (const coupon of this.#coupons.values()) {
          const mine = transaction.remaining.get(coupon);
          const document = this.#asSeen(coupon, seen);
          if (!document) continue;
          if (mine !== undefined) document.remaining_amount = mine;
          const filter = this.#world.plants.has('no guard')
            ? { ...updateMany.filter, remaining_amount: { $gte: -1_000 } }
            : updateMany.filter;
          if (!matches(document, filter)) continue;
          const changed = (coupon.versions.at(-1)?.at ?? 0) > seen;
          if (changed || (coupon.changedBy && coupon.changedBy !== transaction)) throw this.#conflict();
          coupon.changedBy = transaction;
          transaction.remaining.set(coupon, document.remaining_amount + updateMany.update.$inc.remaining_amount);
          matchedCount++;
        }
    });
    return { matchedCount };
  }

  /** Resolves once a majority has all that the transaction wrote, and all that it saw. */
  commit(transaction: Transaction): Promise<void> {
    const seen = this.#seenBy(transaction);
    const writes = transaction.inserted.length > 0 || transaction.remaining.size > 0;
    const at = writes ? this.#committed + 1 : seen;
    if (writes) {
      this.#committed = at;
      for (const document of transaction.inserted) {
        this.#claims.push({ at, document });
        for (const key of this.#keysOf(document)) this.#keys.set(key, { at });
      }
      for (const [coupon, remaining] of transaction.remaining) {
        coupon.versions.push({ at, remaining });
        coupon.changedBy = undefined;
      }
      transaction.inserted.length = 0;
      transaction.remaining.clear();
    }
    this.abort(transaction);
    return writes ? this.#replicate(at) : this.#onceMajority(at);
  }

  /** Also what becomes of a transaction whose client is gone, after a while. */
  abort(transaction: Transaction): void {
    if (!transaction.open) return;
    transaction.open = false;
    this.#open.delete(transaction);
    for (const document of transaction.inserted)
      for (const key of this.#keysOf(document)) if (this.#keys.get(key) === transaction) this.#keys.delete(key);
    // A key may be taken by a document whose insert went no further.
    for (const [key, by] of this.#keys) if (by === transaction) this.#keys.delete(key);
    for (const coupon of transaction.remaining.keys()) coupon.changedBy = undefined;
  }

  /** Another node takes over: what no majority had is gone, and so are the transactions. */
  failover(): void {
    for (const transaction of this.#open) this.abort(transaction);
    for (const { document } of this.#claims.filter(({ at }) => at > this.#majority))
      for (const key of this.#keysOf(document)) this.#keys.delete(key);
    this.#claims = this.#claims.filter(({ at }) => at <= this.#majority);
    for (const coupon of this.#coupons.values())
      coupon.versions = coupon.versions.filter(({ at }) => at <= this.#majority);
    for (const [name, { versions }] of this.#coupons) if (versions.length === 0) this.#coupons.delete(name);
    for (const { reject } of this.#waiting) reject(networkError(MongoErrorLabel.UnknownTransactionCommitResult));
    this.#waiting = [];
    // Numbers are not given out again: of those that are gone, nobody hears anything more.
    this.#majority = this.#committed;
  }

  /** What stands in the end. */
  state() {
    const nameOf = new Map([...this.#coupons.values()].map(({ _id, name }) => [_id.toHexString(), name]));
    return {
      coupons: new Map(
        this.findCoupons({}).map(({ name, amount, remaining_amount }) => [
          name,
          { amount, remaining: remaining_amount },
        ]),
      ),
      claims: this.findClaims({}).map(({ _id, user_id, coupon_id }) => ({
        id: _id,
        user: user_id,
        coupon: nameOf.get(coupon_id.toHexString()) as string,
      })),
    };
  }

  #replicate(at: number): Promise<void> {
    const { random } = this.#world;
    setTimeout(() => this.#replicated(at), random.chance(0.3) ? random.int(1, 10) : 0);
    return this.#onceMajority(at);
  }

  #onceMajority(at: number): Promise<void> {
    if (at <= this.#majority) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ at, resolve, reject });
    });
  }

  #replicated(at: number): void {
    if (at <= this.#majority) return;
    this.#majority = at;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((one) => one.at > at);
    for (const one of waiting) if (one.at <= at) one.resolve();
  }

  /** @throws MongoServerError where the transaction is over on the server. */
  #seenBy(transaction: Transaction | undefined): number {
    if (!transaction) return this.#majority;
    if (!transaction.open) throw labelled(251, 'NoSuchTransaction', MongoErrorLabel.TransientTransactionError);
    transaction.seesUpTo ??= this.#committed;
    return transaction.seesUpTo;
  }

  #asSeen({ _id, name, amount, versions }: Coupon, seen: number) {
    const version = versions.findLast(({ at }) => at <= seen);
    return version && { _id, name, amount, remaining_amount: version.remaining };
  }

  #keysOf(document: ClaimDocument): string[] {
    const id = `id ${document._id}`;
    return this.#world.plants.has('holders unseen') ? [id] : [id, userKey(document)];
  }

  #conflict(): Error {
    this.#world.met.conflicts++;
    return writeConflict();
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
