import { newCoupon } from '@flashclaim/core';
import { DURABLE, isDuplicateKey, type Mongo, writeInTransaction } from '@flashclaim/store';
import {
  type ClientSession,
  Int32,
  MongoBulkWriteError,
  MongoError,
  MongoErrorLabel,
  ObjectId,
  ReadConcern,
  Timestamp,
} from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';
import { START_MS } from './clock.ts';
import { modelMongo } from './model-mongo.ts';
import { ModelStore } from './model-store.ts';
import { Random } from './random.ts';
import { WallClock } from './wall-clock.ts';
import { newCoverage, type World } from './world.ts';

/** The first coupon of the model has this id; the real one gets the same. */
const COUPON = new ObjectId('1'.padStart(24, '0'));
const NAME = 'of two';
const AMOUNT = 2;
/** The name of a coupon that is created later. */
const LATE = 'late';

let real: TestStores;
beforeAll(async () => {
  real = await openStores();
});
afterAll(() => real?.close());

const newModel = (): Mongo => {
  const world: World = {
    random: new Random(1),
    coverage: newCoverage(),
    mutations: new Set<never>(),
    faultRate: 0,
    slowRate: 0,
    replicationMaxMs: 10,
    nowMs: () => Date.now() - START_MS,
    trace: () => {},
  };
  const store = new ModelStore(world);
  store.createCoupon(NAME, AMOUNT);
  return modelMongo(world, { name: 'script', dead: false, clock: new WallClock() }, store);
};

const newReal = async (): Promise<Mongo> => {
  const now = new Date();
  await real.mongo.claims.deleteMany({});
  await real.mongo.coupons.deleteMany({});
  await real.mongo.jobRecords.deleteMany({});
  await real.mongo.pendingClaims.deleteMany({});
  await real.mongo.coupons.insertOne({ ...newCoupon({ name: NAME, amount: AMOUNT }, now), _id: COUPON });
  return real.mongo;
};

/** The result of a step, in a form that is the same for the model and the real server. */
const resultOf = async (step: Promise<unknown>): Promise<unknown> => {
  try {
    return await step;
  } catch (error) {
    if (error instanceof MongoBulkWriteError && isDuplicateKey(error))
      return {
        duplicates: [error.writeErrors].flat().map(({ code, index }) => `${code} at ${index}`),
        inserted: error.insertedCount,
        writeConcernError: error.result.getWriteConcernError(),
      };
    if (isDuplicateKey(error)) return 'duplicate key';
    if (!(error instanceof MongoError)) throw error;
    const label = [MongoErrorLabel.TransientTransactionError, MongoErrorLabel.UnknownTransactionCommitResult].find(
      (one) => error.hasErrorLabel(one),
    );
    return `${error.code} ${label}`;
  }
};

const document = (id: string, user: string, sequence = Number(id)) => ({
  _id: id,
  user_id: user,
  coupon_id: COUPON,
  coupon_name: NAME,
  claimed_at: new Date(0),
  sequence,
  ordinal: 1,
});

/** In the future, so that MongoDB deletes nothing. */
const deadline = new Date(Date.now() + 3_600_000);

const pendingDocument = (id: string, index: number) => ({
  _id: id,
  index: new Int32(index).valueOf(),
  user_id: 'a',
  coupon_name: NAME,
  deadline,
});

const recordDocument = (id: string) => ({ _id: id, deadline, decided_at: Timestamp.fromNumber(0) });

/** The commands of the claim path, by name. */
const commandsOf = (mongo: Mongo) => ({
  begin: (): ClientSession => {
    const session = mongo.client.startSession();
    sessions.push(session);
    session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: DURABLE });
    return session;
  },
  remaining: (session?: ClientSession) =>
    resultOf(
      mongo.coupons
        .find({ name: { $in: [NAME] } }, { ...(session && { session }) })
        .toArray()
        .then((found) => found.map((coupon) => coupon.remaining_amount)),
    ),
  create: () => {
    const document = newCoupon({ name: LATE, amount: 1 }, new Date());
    return resultOf(mongo.coupons.insertOne(document, { writeConcern: DURABLE }).then(() => 'created'));
  },
  late: (session?: ClientSession) =>
    resultOf(
      mongo.coupons
        .find({ name: { $in: [LATE] } }, { ...(session && { session }) })
        .toArray()
        .then((found) => found.length),
    ),
  holders: (session?: ClientSession) =>
    resultOf(
      mongo.claims
        .find(
          { $or: [{ user_id: { $in: ['a', 'b', 'c'] }, coupon_id: COUPON, ordinal: 1 }, { _id: { $in: ['1'] } }] },
          { ...(session && { session }) },
        )
        .toArray()
        .then((found) => found.map(({ _id, user_id, state }) => `${_id} ${user_id} ${state ?? 'live'}`).sort()),
    ),
  insert: (session: ClientSession, ...claims: [id: string, user: string][]) =>
    resultOf(
      writeInTransaction(mongo.db, session, {
        insert: 'claims',
        documents: claims.map(([id, user]) => document(id, user)),
      }),
    ),
  insertAs: (session: ClientSession, sequence: number, id: string, user: string) =>
    resultOf(writeInTransaction(mongo.db, session, { insert: 'claims', documents: [document(id, user, sequence)] })),
  end: (session: ClientSession, ...ids: string[]) =>
    resultOf(
      writeInTransaction(mongo.db, session, {
        update: 'claims',
        updates: [
          {
            q: { _id: { $in: ids }, ordinal: 1 },
            u: { $set: { state: 'released', ended_at: new Date(0) }, $unset: { ordinal: 1 } },
            multi: true,
          },
        ],
      }),
    ),
  /** Returns the coupon in few words, or null. */
  takeOne: (session: ClientSession, count: number) => {
    const command = {
      findAndModify: 'coupons',
      query: { _id: { $in: [COUPON] }, remaining_amount: { $gte: count } },
      update: { $inc: { remaining_amount: -count, issued: count }, $currentDate: { updated_at: true } },
      new: true,
      fields: { remaining_amount: 1, issued: 1, updated_at: 1 },
    };
    return resultOf(
      mongo.db.command(command, { session }).then(({ value }) => {
        if (!value) return null;
        const { updated_at, ...rest } = value;
        return [Object.keys(rest).sort(), rest.remaining_amount, rest.issued, isAboutNow(updated_at)];
      }),
    );
  },
  now: (session?: ClientSession) =>
    resultOf(
      mongo.coupons
        .find<{ now: Date }>(
          { _id: { $in: [COUPON] } },
          { projection: { issued: 1, now: '$$NOW' }, ...(session && { session }) },
        )
        .toArray()
        .then(([found]) => [Object.keys(found as object).sort(), isAboutNow((found as { now: Date }).now)]),
    ),
  take: (session: ClientSession, count: number) =>
    resultOf(
      writeInTransaction(mongo.db, session, {
        update: 'coupons',
        updates: [
          {
            q: { _id: { $in: [COUPON] }, remaining_amount: { $gte: count } },
            u: { $inc: { remaining_amount: -count }, $set: { updated_at: new Date(0) } },
            multi: true,
          },
        ],
      }),
    ),
  /** Outside of transactions, under these ids. */
  pending: (ordered: boolean, ...ids: string[]) =>
    resultOf(
      mongo.pendingClaims
        .insertMany(
          ids.map((id, index) => pendingDocument(id, index)),
          { ordered },
        )
        .then(() => 'inserted'),
    ),
  pendingOf: (claim: string, session?: ClientSession) =>
    resultOf(
      mongo.pendingClaims
        .find({ _id: { $gte: `${claim}/`, $lt: `${claim}0` } }, { ...(session && { session }) })
        .toArray()
        .then((found) => found.map(({ _id, index }) => `${_id} ${index}`).sort()),
    ),
  record: (session: ClientSession, ...ids: string[]) =>
    resultOf(writeInTransaction(mongo.db, session, { insert: 'job_records', documents: ids.map(recordDocument) })),
  recordAlone: (...ids: string[]) =>
    resultOf(mongo.jobRecords.insertMany(ids.map(recordDocument)).then(() => 'inserted')),
  records: (session?: ClientSession) =>
    resultOf(
      mongo.jobRecords
        .find({ _id: { $in: ['1', '2', '3'] } }, { ...(session && { session }) })
        .toArray()
        .then((found) => found.map(({ _id }) => _id).sort()),
    ),
  linearizable: (session?: ClientSession) =>
    resultOf(
      mongo.jobRecords
        .find(
          { _id: { $in: ['1', '2', '3'] } },
          { readConcern: new ReadConcern('linearizable'), ...(session && { session }) },
        )
        .toArray()
        .then((found) => found.map(({ _id }) => _id).sort()),
    ),
  /** The ids of records in the order of the cluster times that MongoDB put into them. */
  recordsByTime: () =>
    resultOf(
      mongo.jobRecords
        .find({ _id: { $in: ['1', '2', '3'] } }, {})
        .toArray()
        .then((found) =>
          found
            .toSorted((one, other) => (one.decided_at.toBigInt() < other.decided_at.toBigInt() ? -1 : 1))
            .map(({ _id, decided_at }) => `${_id} ${decided_at.isZero() ? 'none' : 'stamped'}`),
        ),
    ),
  stampOf: async (id: string): Promise<bigint> => {
    const [found] = await mongo.jobRecords.find({ _id: { $in: [id] } }, {}).toArray();
    return found?.decided_at.toBigInt() ?? 0n;
  },
  /** A session with causal consistency. */
  session: (): ClientSession => {
    const session = mongo.client.startSession({ causalConsistency: true });
    sessions.push(session);
    return session;
  },
  /** Whether the session has the time of its last reply, and whether that is about now. */
  time: (session: ClientSession) => {
    const time = session.operationTime;
    if (!time) return 'none';
    const offSeconds = time.getHighBits() - Date.now() / 1_000;
    return time instanceof Timestamp && Math.abs(offSeconds) < TIME_ERROR_MAX_SECONDS
      ? 'about now'
      : `off ${offSeconds}`;
  },
  ping: async () => {
    const { ok, operationTime } = await mongo.db.command({ ping: 1 });
    return [ok, operationTime instanceof Timestamp];
  },
  commit: (session: ClientSession) => resultOf(session.commitTransaction().then(() => 'committed')),
  abort: (session: ClientSession) => resultOf(session.abortTransaction().then(() => 'aborted')),
});
type Commands = ReturnType<typeof commandsOf>;

const isAboutNow = (time: Date): boolean => Math.abs(time.getTime() - Date.now()) / 1_000 < TIME_ERROR_MAX_SECONDS;

/** The clock of the model's primary may be off by this much. */
const TIME_ERROR_MAX_SECONDS = 3_600;

let sessions: ClientSession[] = [];
beforeEach(() => {
  sessions = [];
});
afterEach(async () => {
  for (const session of sessions) if (session.inTransaction()) await session.abortTransaction();
  for (const session of sessions) await session.endSession();
});

/** Each script returns the results of its steps. */
const SCRIPTS: Record<string, (commands: Commands) => Promise<unknown[]>> = {
  'a transaction sees what was committed before its first command, and reads outside see what is committed': async (
    c,
  ) => {
    const [one, other] = [c.begin(), c.begin()];
    return [
      await c.remaining(one),
      await c.insert(one, ['1', 'a']),
      await c.take(one, 1),
      await c.remaining(),
      await c.remaining(other),
      await c.commit(one),
      await c.remaining(other),
      await c.holders(other),
      await c.remaining(),
      await c.holders(),
      await c.commit(other),
    ];
  },
  'a coupon that is created later is not seen by a transaction that began before': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    return [
      await c.remaining(one),
      await c.create(),
      await c.late(one),
      await c.late(other),
      await c.late(),
      await c.commit(one),
      await c.commit(other),
    ];
  },
  'two transactions that take units conflict, whether the first is committed or not': async (c) => {
    const [one, other, third] = [c.begin(), c.begin(), c.begin()];
    return [
      await c.remaining(third),
      await c.take(one, 1),
      await c.take(other, 1),
      await c.commit(one),
      await c.take(third, 1),
      await c.commit(third),
      await c.remaining(),
    ];
  },
  'a claim id or a holder that was committed before is a duplicate, which ends the transaction': async (c) => {
    const [one, other, third] = [c.begin(), c.begin(), c.begin()];
    return [
      await c.insert(one, ['1', 'a']),
      await c.commit(one),
      await c.insert(other, ['2', 'b'], ['1', 'c']),
      await c.commit(other),
      await c.insert(third, ['3', 'a']),
      await c.take(third, 1),
      await c.holders(),
    ];
  },
  'a claim id or a holder that another transaction is about to commit is a conflict': async (c) => {
    const [one, other, third] = [c.begin(), c.begin(), c.begin()];
    return [
      await c.insert(one, ['1', 'a']),
      await c.insert(other, ['1', 'b']),
      await c.insert(third, ['2', 'a']),
      await c.commit(one),
      await c.holders(),
    ];
  },
  'a claim id or a holder that was committed since is not seen, and a conflict': async (c) => {
    const [one, other, third] = [c.begin(), c.begin(), c.begin()];
    return [
      await c.holders(other),
      await c.holders(third),
      await c.insert(one, ['1', 'a']),
      await c.commit(one),
      await c.insert(other, ['1', 'b']),
      await c.insert(third, ['2', 'a']),
    ];
  },
  'the same id twice in one list is a duplicate': async (c) => {
    const one = c.begin();
    return [await c.insert(one, ['1', 'a'], ['1', 'b']), await c.holders()];
  },
  'no more units are taken than exist': async (c) => {
    const one = c.begin();
    return [await c.take(one, AMOUNT + 1), await c.take(one, AMOUNT), await c.take(one, 1), await c.commit(one)];
  },
  'an aborted transaction has no effect and blocks nothing': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    return [
      await c.insert(one, ['1', 'a']),
      await c.take(one, 2),
      await c.abort(one),
      await c.insert(other, ['1', 'a']),
      await c.take(other, 2),
      await c.commit(other),
      await c.remaining(),
      await c.holders(),
    ];
  },
  'a repeated commit is the same commit': async (c) => {
    const one = c.begin();
    return [await c.record(one, '1'), await c.commit(one), await c.commit(one), await c.records()];
  },
  'an update returns the coupon as it is after it, also a second one of the same transaction': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    return [
      await c.takeOne(one, AMOUNT + 1),
      await c.takeOne(one, 1),
      await c.remaining(one),
      await c.takeOne(one, 1),
      await c.takeOne(other, 1),
      await c.commit(one),
      await c.takeOne(c.begin(), 1),
      await c.now(),
      await c.now(c.begin()),
    ];
  },
  'no index forbids a number that was given already': async (c) => {
    const one = c.begin();
    return [await c.insertAs(one, 1, '1', 'a'), await c.insertAs(one, 1, '2', 'b'), await c.holders()];
  },
  'after a release the user may claim again, once, in the same transaction or later': async (c) => {
    const [one, release, other, late] = [c.begin(), c.begin(), c.begin(), c.begin()];
    return [
      await c.insert(one, ['1', 'a'], ['2', 'b']),
      await c.commit(one),
      await c.end(release, '1', '2', '9'),
      await c.holders(release),
      await c.insert(release, ['3', 'a']),
      await c.holders(release),
      await c.holders(),
      await c.commit(release),
      await c.holders(),
      await c.insert(other, ['4', 'b']),
      await c.commit(other),
      await c.end(late, '1'),
      await c.insert(late, ['5', 'a']),
      await c.holders(),
    ];
  },
  'two releases of a claim conflict, and so does a claim of its user while the release is open': async (c) => {
    const [one, release, other, claim, late] = [c.begin(), c.begin(), c.begin(), c.begin(), c.begin()];
    return [
      await c.insert(one, ['1', 'a']),
      await c.commit(one),
      await c.end(release, '1'),
      await c.end(other, '1'),
      await c.insert(claim, ['2', 'a']),
      await c.insert(release, ['3', 'a']),
      await c.insert(late, ['4', 'a']),
      await c.commit(release),
      await c.holders(),
    ];
  },
  'a release that was committed since is a conflict for a claim of the user, and an aborted one has no effect': async (
    c,
  ) => {
    const [one, aborted, before, release] = [c.begin(), c.begin(), c.begin(), c.begin()];
    return [
      await c.insert(one, ['1', 'a']),
      await c.commit(one),
      await c.end(aborted, '1'),
      await c.insert(aborted, ['2', 'a']),
      await c.abort(aborted),
      await c.holders(),
      await c.insert(c.begin(), ['3', 'a']),
      await c.remaining(before),
      await c.end(release, '1'),
      await c.commit(release),
      await c.end(before, '1'),
    ];
  },
  'only the transaction itself sees its own writes': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    return [
      await c.record(one, '1'),
      await c.records(one),
      await c.records(other),
      await c.insert(one, ['1', 'a']),
      await c.holders(one),
      await c.take(one, 1),
      await c.remaining(one),
      await c.records(),
      await c.commit(one),
      await c.records(other),
    ];
  },
  'two transactions that record the same job conflict, and later ones are duplicates': async (c) => {
    const [one, other, third] = [c.begin(), c.begin(), c.begin()];
    return [
      await c.records(third),
      await c.record(one, '1'),
      await c.record(other, '1'),
      await c.commit(one),
      await c.record(third, '1'),
      await c.commit(third),
      await c.record(c.begin(), '2', '1'),
      await c.records(),
    ];
  },
  'a duplicate ends its transaction, and is reported with its position': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    return [
      await c.record(one, '1'),
      await c.commit(one),
      await c.record(other, '2', '1', '3'),
      await c.records(other),
      await c.commit(other),
      await c.records(),
    ];
  },
  'a write outside of transactions waits for one that has taken its key': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    const results = [await c.record(one, '1'), await c.record(other, '2')];
    const waiting = [c.recordAlone('1'), c.recordAlone('2')];
    results.push(await c.commit(one), await c.abort(other), ...(await Promise.all(waiting)), await c.records());
    return results;
  },
  'an unordered insert skips duplicates, an ordered one stops at the first': async (c) => [
    await c.pending(true, 'a/1'),
    await c.pending(false, 'a/1', 'a/2', 'a/2', 'b/1', 'a/1'),
    await c.pendingOf('a'),
    await c.pending(true, 'c/1', 'a/1', 'c/2'),
    await c.pendingOf('b'),
    await c.pendingOf('c'),
  ],
  'a range of ids has only those of one claim': async (c) => [
    await c.pending(false, 'a/1', 'a/2', 'ab/1', 'a', 'A/1', 'a0'),
    await c.pendingOf('a'),
    await c.pendingOf('ab'),
    await c.pendingOf('b'),
  ],
  'each reply of a session has the cluster time, also the error of a duplicate': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    const causal = c.session();
    const results = [c.time(one), await c.record(one, '1'), c.time(one), await c.commit(one), c.time(one)];
    results.push(await c.record(other, '1'), c.time(other));
    results.push(c.time(causal), await c.records(causal), c.time(causal), await c.ping());
    return results;
  },
  'linearizable reads see acknowledged writes, and fail in a session that has read': async (c) => {
    const [one, causal] = [c.begin(), c.session()];
    return [
      await c.record(one, '1'),
      await c.linearizable(),
      await c.commit(one),
      await c.linearizable(),
      await c.linearizable(c.session()),
      await c.records(causal),
      await c.linearizable(causal),
    ];
  },
  'the times of replies and of documents have one order, that of reads and commits': async (c) => {
    const [before, one, after] = [c.begin(), c.begin(), c.begin()];
    const timeOf = (session: ClientSession) => session.operationTime?.toBigInt() ?? 0n;
    const results = [await c.records(before), await c.record(one, '1'), await c.commit(one), await c.records(after)];
    const stamp = await c.stampOf('1');
    return [...results, timeOf(before) < stamp, stamp < timeOf(after), timeOf(one) <= timeOf(after)];
  },
  'an empty timestamp becomes the cluster time of the insert': async (c) => {
    const [one, other] = [c.begin(), c.begin()];
    return [
      await c.record(one, '3'),
      await c.record(other, '1'),
      await c.commit(other),
      await c.commit(one),
      await c.recordAlone('2'),
      await c.recordsByTime(),
    ];
  },
};

describe('the model of the store does what MongoDB does', () => {
  test.for(Object.entries(SCRIPTS))('%s', async ([, script]) => {
    const modelResults = await script(commandsOf(newModel()));
    for (const session of sessions) if (session.inTransaction()) await session.abortTransaction();
    const serverResults = await script(commandsOf(await newReal()));
    expect(modelResults).toEqual(serverResults);
  });
});
