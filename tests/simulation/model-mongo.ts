import { COLLECTIONS, type Mongo, type WriteCommand } from '@flashclaim/store';
import { type BulkWriteResult, MongoBulkWriteError, MongoErrorLabel, MongoServerError } from 'mongodb';
import { UnknownToModel } from './matches.ts';
import { ModelSession, type SessionOptions } from './model-session.ts';
import {
  type CollectionName,
  DuplicateKey,
  type ModelDocument,
  type ModelStore,
  networkError,
  type Transaction,
  type Update,
} from './model-store.ts';
import { toTimestamp } from './replication.ts';
import { callStore, defectOf, faulty, type Process, pingStore, type World } from './world.ts';

/** Outside of transactions, `snapshot` is what `majority` sees, at one moment. */
type ReadConcern = 'majority' | 'snapshot' | 'linearizable' | 'local';

interface Options {
  session?: ModelSession;
  readConcern?: ReadConcern | { level: ReadConcern };
  projection?: Record<string, 0 | 1 | '$$NOW'>;
  ordered?: boolean;
  sort?: Record<string, 1 | -1>;
  skip?: number;
  limit?: number;
  /** No effect in the model. */
  batchSize?: number;
  writeConcern?: object;
}
const OPTIONS = new Set([
  'session',
  'readConcern',
  'projection',
  'ordered',
  'sort',
  'skip',
  'limit',
  'batchSize',
  'writeConcern',
]);

/** The session and transaction in which the server runs a command. */
interface AtServer {
  session: ModelSession | undefined;
  transaction: Transaction | undefined;
}

const DUPLICATE = 11_000;
const duplicate = () => ({ code: DUPLICATE, message: 'E11000 duplicate key error' });

/** The driver's error for documents that violate a unique index, with their positions. */
const bulkError = (indexes: readonly number[], inserted: number) => {
  const writeErrors = indexes.map((index) => ({ ...duplicate(), index, errmsg: duplicate().message }));
  const result = { insertedCount: inserted, getWriteConcernError: () => undefined, getWriteErrors: () => writeErrors };
  // The constructor takes the reply of the server.
  return new MongoBulkWriteError(
    { ...duplicate(), writeErrors } as unknown as ConstructorParameters<typeof MongoBulkWriteError>[0],
    result as unknown as BulkWriteResult,
  );
};

/** Keeps the fields of the projection. */
const project = <T extends object>(document: T, projection: Options['projection'], now: Date): T => {
  if (!projection) return { ...document };
  const fields = document as Record<string, unknown>;
  const { _id = 1, ...named } = projection;
  const projected: Record<string, unknown> = _id ? { _id: fields['_id'] } : {};
  for (const [field, value] of Object.entries(named)) {
    if (value === '$$NOW') projected[field] = now;
    else if (field in fields) projected[field] = fields[field];
  }
  return projected as T;
};

/** Applies sort, limit and projection. */
const applyOptions = <T extends object>(
  found: readonly T[],
  { sort = {}, skip = 0, limit, projection }: Options,
  now: Date,
): T[] => {
  const orders = Object.entries(sort);
  const compare = (one: T, other: T): number => {
    for (const [field, order] of orders) {
      const [a, b] = [one, other].map((document) => sortable((document as Record<string, unknown>)[field]));
      if (a !== b) return (a as string) < (b as string) ? -order : order;
    }
    return 0;
  };
  const sorted = orders.length === 0 ? found : found.toSorted(compare);
  return sorted.slice(skip, limit && skip + limit).map((document) => project(document, projection, now));
};

const sortable = (value: unknown): string | number => (typeof value === 'number' ? value : String(value));

/** A cursor: its documents come in one batch. */
class ModelCursor<T extends object> {
  #options: Options;
  readonly #read: (options: Options) => Promise<T[]>;
  #batch: T[] | undefined;

  constructor(options: Options, read: (options: Options) => Promise<T[]>) {
    this.#options = options;
    this.#read = read;
  }

  sort(sort: Options['sort']): this {
    this.#options = { ...this.#options, ...(sort && { sort }) };
    return this;
  }

  skip(skip: number): this {
    this.#options = { ...this.#options, skip };
    return this;
  }

  limit(limit: number): this {
    this.#options = { ...this.#options, limit };
    return this;
  }

  toArray(): Promise<T[]> {
    return this.#read(this.#options);
  }

  async hasNext(): Promise<boolean> {
    this.#batch ??= await this.toArray();
    return this.#batch.length > 0;
  }

  readBufferedDocuments(): T[] {
    const batch = this.#batch ?? [];
    this.#batch = [];
    return batch;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A process's connection to the store: the methods of the driver that the claim path calls. */
class ModelConnection {
  readonly #world: World;
  readonly #process: Process;
  readonly #store: ModelStore;

  constructor(world: World, process: Process, store: ModelStore) {
    this.#world = world;
    this.#process = process;
    this.#store = store;
  }

  startSession(options?: SessionOptions): ModelSession {
    return new ModelSession(this.#world, this.#process, this.#store, options);
  }

  async withSession<T>(options: SessionOptions, use: (session: ModelSession) => Promise<T>): Promise<T> {
    const session = this.startSession(options);
    return use(session);
  }

  ping(): Promise<object> {
    return pingStore(this.#world, this.#process, () => {
      const { up, replication } = this.#store;
      if (!up || faulty(this.#world)) throw networkError();
      return { ok: 1, operationTime: toTimestamp(replication.appliedTime) };
    });
  }

  find<T extends object>(
    filter: object,
    options: Options,
    found: (filter: object, seen: number, transaction?: Transaction) => T[],
  ): ModelCursor<T> {
    return new ModelCursor(options, (all) =>
      this.#command(all, async ({ session, transaction }) => {
        const { replication } = this.#store;
        if (transaction) {
          const documents = found(filter, this.#store.seenBy(transaction), transaction);
          session?.replied(replication.committed, replication.appliedTime);
          return applyOptions(documents, all, this.#store.now);
        }
        const seen = await this.#seenOutside(all);
        return applyOptions(found(filter, seen), all, this.#store.now);
      }),
    );
  }

  /** What a read outside of transactions sees, by its read concern. */
  async #seenOutside({ session, readConcern = 'majority' }: Options): Promise<number> {
    const { replication } = this.#store;
    const level = typeof readConcern === 'string' ? readConcern : readConcern.level;
    const after = session?.after;
    if (level === 'linearizable') {
      if (after !== undefined)
        throw new MongoServerError({ message: 'afterClusterTime does not go with linearizable', code: 72 });
      const seen = replication.committed;
      await replication.replicate(replication.write());
      session?.replied(replication.committed, replication.appliedTime);
      return seen;
    }
    if (level === 'local') {
      session?.replied(replication.committed, replication.appliedTime);
      return replication.committed;
    }
    if (session?.isSnapshot) {
      const at = session.snapshotAt(replication.readable);
      await replication.onceMajority(at);
      session.replied(at, replication.readableTime);
      return at;
    }
    if (after !== undefined) await replication.onceMajority(after);
    session?.replied(replication.readable, replication.readableTime);
    return replication.readable;
  }

  insertMany(collection: CollectionName, documents: readonly ModelDocument[], options: Options): Promise<object> {
    return this.#command(options, async ({ session, transaction }) => {
      const { replication } = this.#store;
      const replied = () => session?.replied(replication.committed, replication.appliedTime);
      if (transaction) {
        try {
          this.#store.insertIn(transaction, collection, documents);
        } catch (error) {
          replied();
          throw error instanceof DuplicateKey ? bulkError([error.index], error.index) : error;
        }
        replied();
        return { acknowledged: true, insertedCount: documents.length };
      }
      const duplicates: number[] = [];
      let last: number | undefined;
      for (const [index, document] of documents.entries()) {
        const at = await this.#store.insert(collection, document);
        last = at ?? last;
        if (at === undefined) duplicates.push(index);
        if (at === undefined && options.ordered !== false) break;
      }
      // A duplicate waits too, until a majority has the write that it conflicts with.
      const { committed } = replication;
      await (last === undefined ? replication.onceMajority(committed) : replication.replicate(committed));
      replied();
      const inserted = options.ordered === false ? documents.length - duplicates.length : (duplicates[0] as number);
      if (duplicates.length > 0) throw bulkError(duplicates, inserted);
      return { acknowledged: true, insertedCount: documents.length };
    });
  }

  insertCoupon({ name, amount }: { name: string; amount: number }): Promise<object> {
    return this.#command({}, async () => {
      if (!(await this.#store.createCouponLate(name, amount))) throw new MongoServerError(duplicate());
      return { acknowledged: true };
    });
  }

  update(collection: CollectionName, updates: readonly Update[], options: Options): Promise<ModelDocument[]> {
    return this.#command(options, ({ session, transaction }) => {
      const updated = this.#store.updateIn(transaction as Transaction, collection, updates);
      session?.replied(this.#store.replication.committed, this.#store.replication.appliedTime);
      return updated;
    });
  }

  /** Runs a command at the server. Rejects if the server is down or the connection breaks, before or after the command. */
  #command<T>(options: Options, effect: (at: AtServer) => T | Promise<T>): Promise<T> {
    for (const option of Object.keys(options))
      if (!OPTIONS.has(option)) throw defectOf(this.#world, new UnknownToModel(`the option ${option}`));
    const { session } = options;
    return callStore(this.#world, this.#process, () => {
      const transaction = session?.transaction;
      const label = transaction && MongoErrorLabel.TransientTransactionError;
      if (!this.#store.up) throw networkError(label);
      if (!faulty(this.#world)) return effect({ session, transaction });
      this.#world.coverage['transient errors']++;
      // The command may have run: only its reply is lost.
      if (this.#world.random.chance(0.5)) this.#runUnanswered(() => effect({ session, transaction }));
      throw networkError(label);
    });
  }

  #runUnanswered(effect: () => unknown): void {
    try {
      Promise.resolve(effect()).catch(() => {});
    } catch {
      // The caller gets a network error instead.
    }
  }
}

/** A collection with the methods that the claim path uses. A call of any other method throws. */
const collectionOf = (connection: ModelConnection, store: ModelStore, name: CollectionName) => ({
  find: (filter: object, options: Options = {}) =>
    connection.find(filter, options, (condition, seen, transaction) =>
      transaction ? store.findIn(transaction, name, condition) : store.find(name, condition, seen),
    ),
  insertMany: (documents: readonly ModelDocument[], options: Options = {}) =>
    connection.insertMany(name, documents, options),
});

/** The aggregation that reads a coupon, and its users where it has the stage for them. */
const aggregateOf =
  (connection: ModelConnection, store: ModelStore) =>
  (
    [{ $match }, ...stages]: [{ $match: object }, ...Record<string, { pipeline?: Record<string, unknown>[] }>[]],
    { maxTimeMS: _, ...options }: Options & { maxTimeMS?: number },
  ) => {
    const lookup = stages.find((stage) => '$lookup' in stage)?.['$lookup']?.pipeline;
    const usersMax = lookup?.find((stage) => '$limit' in stage)?.['$limit'] as number | undefined;
    return connection.find($match, options, (condition, seen, transaction) => {
      const find = (name: CollectionName, filter: object) =>
        transaction ? store.findIn(transaction, name, filter) : store.find(name, filter, seen);
      return find(COLLECTIONS.coupons, condition).map((coupon) => {
        if (usersMax === undefined) return { ...coupon, now: store.now };
        const live = find(COLLECTIONS.claims, { coupon_id: coupon._id, ordinal: 1 });
        const listed = live.toSorted((a, b) => Number(a['sequence']) - Number(b['sequence'])).slice(0, usersMax);
        const users = { claimed_by: listed.map(({ user_id }) => user_id), last: listed.at(-1)?.['sequence'] };
        return { ...coupon, now: store.now, ...users };
      });
    });
  };

/** Mutations of reads and writes of job records. */
const mutatedRecords = ({ mutations, coverage }: World, records: ReturnType<typeof collectionOf>): typeof records => ({
  find: (filter, options = {}) =>
    records.find(
      filter,
      mutations.has('record read by local concern') && !options.session
        ? { ...options, readConcern: 'local' }
        : options,
    ),
  insertMany: (documents, options) => {
    const isGrant = (result: unknown) => /^[CR]+$/.test((result as { decisions: string } | undefined)?.decisions ?? '');
    let kept = documents;
    if (mutations.has('record only for refusals')) kept = kept.filter(({ result }) => !isGrant(result));
    coverage['expired jobs'] += documents.filter(({ result }) => result === undefined).length;
    return records.insertMany(kept, options);
  },
});

const mutatedPending = (
  { mutations }: World,
  store: ModelStore,
  pending: ReturnType<typeof collectionOf>,
): typeof pending => ({
  find: pending.find,
  insertMany: (documents, options) => {
    const claimOf = (id: string) => id.slice(0, id.indexOf('/'));
    if (mutations.has('pending record overwritten'))
      for (const { _id } of documents) store.deletePending((other) => claimOf(other) === claimOf(_id) && other !== _id);
    return pending.insertMany(documents, options);
  },
});

/** `findAndModify`, as the claim path uses it. */
interface FindAndModify {
  findAndModify: string;
  query: object;
  update: object;
  new: boolean;
  fields: Record<string, 0 | 1>;
}

/** The coupon as a change of its settings reads it. */
const mutatedSettings = ({ mutations }: World, coupon: ModelDocument | undefined): ModelDocument | undefined =>
  coupon && mutations.has('PATCH below granted units') ? { ...coupon, remaining_amount: coupon['amount'] } : coupon;

type Command = { ping: 1 } | WriteCommand | FindAndModify;

/** The fields that an update returns. */
const shownAfterTake = ({ mutations }: World, fields: FindAndModify['fields']): FindAndModify['fields'] => {
  if (!mutations.has('stale window after PATCH')) return fields;
  const { starts_at, ends_at, paused, ...others } = fields;
  return others;
};

/** Runs a command as the server does. It replies with a duplicate key where the driver's bulk API would throw. */
const run = async (
  world: World,
  connection: ModelConnection,
  collections: Record<string, ReturnType<typeof collectionOf>>,
  command: Command,
  options: Options,
): Promise<object> => {
  if ('ping' in command) return connection.ping();
  if ('findAndModify' in command) {
    const { findAndModify, query: q, update: u, new: isNew, fields } = command;
    if (!isNew) throw new UnknownToModel('findAndModify without new');
    const [value] = await connection.update(findAndModify as CollectionName, [{ q, u, multi: false }], options);
    return { value: value ? project(value, shownAfterTake(world, fields), new Date(0)) : null };
  }
  if ('update' in command) {
    const updated = await connection.update(command.update as CollectionName, command.updates, options);
    return { n: updated.length };
  }
  const collection = collections[command.insert];
  if (!collection) throw new UnknownToModel(`an insert into ${command.insert}`);
  const { documents } = command;
  return collection.insertMany(documents as ModelDocument[], options).then(
    () => ({ n: documents.length }),
    (error: unknown) => {
      if (!(error instanceof MongoBulkWriteError)) throw error;
      return { n: error.insertedCount, writeErrors: error.writeErrors };
    },
  );
};

/** The model with the type of the driver. Only this function casts it. */
export const modelMongo = (world: World, process: Process, store: ModelStore): Mongo => {
  const connection = new ModelConnection(world, process, store);
  const claims = collectionOf(connection, store, COLLECTIONS.claims);
  const jobRecords = mutatedRecords(world, collectionOf(connection, store, COLLECTIONS.jobRecords));
  const coupons = collectionOf(connection, store, COLLECTIONS.coupons);
  const events = collectionOf(connection, store, COLLECTIONS.events);
  const collections = {
    [COLLECTIONS.claims]: claims,
    [COLLECTIONS.events]: events,
    [COLLECTIONS.jobRecords]: jobRecords,
  };
  return {
    seesElections: true,
    client: {
      startSession: (options?: SessionOptions) => connection.startSession(options),
      withSession: <T>(options: SessionOptions, use: (session: ModelSession) => Promise<T>) =>
        connection.withSession(options, use),
      on: (_event: 'topologyDescriptionChanged', listener: () => void) => store.onFailover(listener),
    },
    db: { command: (command: Command, options: Options = {}) => run(world, connection, collections, command, options) },
    coupons: {
      ...coupons,
      findOne: async (filter: object, { maxTimeMS: _, ...options }: Options & { maxTimeMS?: number } = {}) =>
        mutatedSettings(world, (await coupons.find(filter, options).toArray())[0]) ?? null,
      findOneAndUpdate: async (
        q: object,
        u: object,
        { returnDocument, ...options }: Options & { returnDocument: string },
      ) => {
        if (returnDocument !== 'after') throw new UnknownToModel(`returnDocument ${returnDocument}`);
        const [updated] = await connection.update(COLLECTIONS.coupons, [{ q, u, multi: false }], options);
        return updated ?? null;
      },
      insertOne: (document: { name: string; amount: number }) => connection.insertCoupon(document),
      aggregate: aggregateOf(connection, store),
    },
    claims,
    events,
    jobRecords,
    pendingClaims: mutatedPending(world, store, collectionOf(connection, store, COLLECTIONS.pendingClaims)),
  } as unknown as Mongo;
};
