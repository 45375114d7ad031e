import type { Mongo } from '@flashclaim/service';
import { DURABLE, isDuplicateKey } from '@flashclaim/service';
import { type ClientSession, Int32, MongoError, MongoErrorLabel, ObjectId } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';
import { modelMongo } from './model-mongo.ts';
import { ModelStore } from './model-store.ts';
import { Random } from './random.ts';
import { newMet, type World } from './world.ts';

/** The first coupon of the model has this id; the real one gets the same. */
const COUPON = new ObjectId('1'.padStart(24, '0'));
const NAME = 'of two';
const AMOUNT = 2;
/** Of a coupon that is created later. */
const LATE = 'late';

let real: TestStores;
beforeAll(async () => {
  real = await openStores();
});
afterAll(() => real?.close());

const newModel = (): Mongo => {
  const world: World = {
    ...{ random: new Random(1), met: newMet(), plants: new Set<never>(), faultRate: 0 },
    trace: () => {},
  };
  const store = new ModelStore(world);
  store.createCoupon(NAME, AMOUNT);
  return modelMongo(world, { name: 'script', dead: false }, store);
};

const newReal = async (): Promise<Mongo> => {
  const now = new Date();
  await real.mongo.claims.deleteMany({});
  await real.mongo.coupons.deleteMany({});
  await real.mongo.coupons.insertOne({
    ...{ _id: COUPON, name: NAME, created_at: now, updated_at: now },
    // The driver stores whole numbers as int, but the type does not say so.
    ...{ amount: new Int32(AMOUNT).valueOf(), remaining_amount: AMOUNT },
  });
  return real.mongo;
};

/** What a step came to, in words that both can say. */
const word = async (step: Promise<unknown>): Promise<unknown> => {
  try {
    return await step;
  } catch (error) {
    if (isDuplicateKey(error)) return 'duplicate key';
    if (!(error instanceof MongoError)) throw error;
    const label = [MongoErrorLabel.TransientTransactionError, MongoErrorLabel.UnknownTransactionCommitResult].find(
      (one) => error.hasErrorLabel(one),
    );
    return `${error.code} ${label}`;
  }
};

const document = (id: string, user: string) => ({
  ...{ _id: id, user_id: user, coupon_id: COUPON, coupon_name: NAME, claimed_at: new Date(0) },
});

/** The few commands of the claim path, by name. */
const commandsOf = (mongo: Mongo) => ({
  begin: (): ClientSession => {
    const session = mongo.client.startSession();
    sessions.push(session);
    session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: DURABLE });
    return session;
  },
  remaining: (session?: ClientSession) =>
    word(
      mongo.coupons
        .find({ name: { $in: [NAME] } }, { ...(session && { session }) })
        .toArray()
        .then((found) => found.map((coupon) => coupon.remaining_amount)),
    ),
  create: () => {
    const now = new Date();
    const document = { ...{ name: LATE, created_at: now, updated_at: now }, amount: 1, remaining_amount: 1 };
    return word(mongo.coupons.insertOne(document, { writeConcern: DURABLE }).then(() => 'created'));
  },
  late: (session?: ClientSession) =>
    word(
      mongo.coupons
        .find({ name: { $in: [LATE] } }, { ...(session && { session }) })
        .toArray()
        .then((found) => found.length),
    ),
  holders: (session?: ClientSession) =>
    word(
      mongo.claims
        .find(
          { $or: [{ user_id: { $in: ['a', 'b', 'c'] }, coupon_id: COUPON }, { _id: { $in: ['1'] } }] },
          { ...(session && { session }) },
        )
        .toArray()
        .then((found) => found.map(({ _id, user_id }) => `${_id} ${user_id}`).sort()),
    ),
  insert: (session: ClientSession, ...claims: [id: string, user: string][]) =>
    word(
      mongo.claims
        .insertMany(
          claims.map(([id, user]) => document(id, user)),
          { session },
        )
        .then(() => 'inserted'),
    ),
  take: (session: ClientSession, count: number) =>
    word(
      mongo.coupons
        .bulkWrite(
          [
            {
              updateMany: {
                filter: { _id: { $in: [COUPON] }, remaining_amount: { $gte: count } },
                update: { $inc: { remaining_amount: -count }, $set: { updated_at: new Date(0) } },
              },
            },
          ],
          { session },
        )
        .then(({ matchedCount }) => matchedCount),
    ),
  commit: (session: ClientSession) => word(session.commitTransaction().then(() => 'committed')),
  abort: (session: ClientSession) => word(session.abortTransaction().then(() => 'aborted')),
});
type Commands = ReturnType<typeof commandsOf>;

let sessions: ClientSession[] = [];
beforeEach(() => {
  sessions = [];
});
afterEach(async () => {
  for (const session of sessions) if (session.inTransaction()) await session.abortTransaction();
  for (const session of sessions) await session.endSession();
});

/** Each returns what every step came to. */
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
  'no more units are taken than there are': async (c) => {
    const one = c.begin();
    return [await c.take(one, AMOUNT + 1), await c.take(one, AMOUNT), await c.take(one, 1), await c.commit(one)];
  },
  'what is aborted never was, and gives way': async (c) => {
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
};

describe('the model of the store does what MongoDB does', () => {
  test.for(Object.entries(SCRIPTS))('%s', async ([, script]) => {
    const modelled = await script(commandsOf(newModel()));
    for (const session of sessions) if (session.inTransaction()) await session.abortTransaction();
    const really = await script(commandsOf(await newReal()));
    expect(modelled).toEqual(really);
  });
});
