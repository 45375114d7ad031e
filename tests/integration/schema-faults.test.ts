import { PENDING_RECORD_KEPT_SECONDS } from '@flashclaim/core';
import { ensureCollections, findSchemaFaults, VALIDATORS } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';

const UNIQUE = 'the unique index on user_id, coupon_id of claims';
const KEY = { user_id: 1, coupon_id: 1 } as const;
const NAME = 'live_user_id_1_coupon_id_1';
const LIVE = { unique: true, partialFilterExpression: { ordinal: 1 } } as const;
const NARROWER = { ordinal: 1, state: 'held' };

let stores: TestStores;
let db: Db;
beforeAll(async () => {
  stores = await openStores();
  db = stores.mongo.db;
});
beforeEach(async () => {
  await db.dropDatabase();
  await ensureCollections(db);
});
afterAll(() => stores.close());

const replaceIndex = async (options: object) => {
  await db.collection('claims').dropIndex(NAME);
  await db.collection('claims').createIndex(KEY, options);
};
/** Changes the TTL of pending records by this number of seconds. */
const keepLonger = (seconds: number) =>
  db.command({
    ...{ collMod: 'pending_claims' },
    index: { keyPattern: { deadline: 1 }, expireAfterSeconds: PENDING_RECORD_KEPT_SECONDS + seconds },
  });
const changeValidator = (change: object) => db.command({ collMod: 'claims', ...change });
const demand = (required: string[], user_id: object) => {
  const { $jsonSchema, ...conditions } = VALIDATORS.claims as { $jsonSchema: { properties: object } };
  const properties = { ...$jsonSchema.properties, user_id };
  return changeValidator({ validator: { ...conditions, $jsonSchema: { ...$jsonSchema, required, properties } } });
};
const TEXT = { bsonType: 'string', minLength: 1 };
const REQUIRED = ['_id', 'user_id', 'coupon_id', 'coupon_name', 'claimed_at', 'sequence'];

test.each<[string, () => Promise<unknown>, string[]]>([
  ['nothing', async () => {}, []],
  ['an index that only makes reads fast', () => db.collection('claims').dropIndex('coupon_name_1'), []],
  ['one more index', () => db.collection('claims').createIndex({ claimed_at: 1 }), []],
  [
    'a unique index of coupons',
    () => db.collection('coupons').dropIndex('name_1'),
    ['the unique index on name of coupons'],
  ],
  ['a unique index of claims', () => db.collection('claims').dropIndex(NAME), [UNIQUE]],
  ['an index that is not unique any more', () => replaceIndex({}), [UNIQUE]],
  ['an index of live claims, where that of the earlier layout exists', () => replaceIndex({ unique: true }), [UNIQUE]],
  ['one that leaves claims out', () => replaceIndex({ ...LIVE, partialFilterExpression: NARROWER }), [UNIQUE]],
  ['the name of an index', () => replaceIndex({ ...LIVE, name: 'ours' }), []],
  [
    'the index of sequence numbers, where it is unique, as an earlier version made it',
    async () => {
      await db.collection('claims').dropIndex('coupon_id_1_sequence_1');
      await db.collection('claims').createIndex({ coupon_id: 1, sequence: 1 }, { unique: true });
      await ensureCollections(db);
    },
    [],
  ],
  ['an index of the earlier layout', () => db.collection('claims').createIndex({ coupon_id: 1 }), []],
  [
    'one for which two users are the same',
    () => replaceIndex({ ...LIVE, collation: { locale: 'en', strength: 1 } }),
    [UNIQUE],
  ],
  ['a collection', () => db.collection('claims').drop(), ['the collection claims']],
  ['records that are kept for longer', () => keepLonger(1), []],
  ['records that are kept for as long', () => keepLonger(-1), ['the index on deadline of pending_claims']],
  ['a validator', () => changeValidator({ validator: {} }), ['the validator of claims']],
  ['one that only warns', () => changeValidator({ validationAction: 'warn' }), ['the validator of claims']],
  ['one for new documents alone', () => changeValidator({ validationLevel: 'moderate' }), ['the validator of claims']],
  ['one that demands less', () => demand(REQUIRED.slice(1), TEXT), ['the validator of claims']],
  ['one that allows more', () => demand(REQUIRED, { bsonType: 'string' }), ['the validator of claims']],
  [
    'one that lets a claim be live and ended at once',
    () => changeValidator({ validator: { $jsonSchema: (VALIDATORS.claims as { $jsonSchema: object }).$jsonSchema } }),
    ['the validator of claims'],
  ],
  ['one that demands more', () => demand([...REQUIRED, 'quantity'], { ...TEXT, maxLength: 255 }), []],
])('what is missing in MongoDB without %s', async (_, change, faults) => {
  await change();
  expect(await findSchemaFaults(db)).toEqual(faults);
});

test('the TTL of an index is made longer, and never shorter', async () => {
  const kept = async () => {
    const indexes = await db.collection('pending_claims').indexes();
    return indexes.find(({ key }) => 'deadline' in key)?.expireAfterSeconds;
  };
  for (const [change, then] of [
    [-1, 0],
    [1, 1],
  ] as const) {
    await keepLonger(change);
    await ensureCollections(db);
    expect(await kept()).toBe(PENDING_RECORD_KEPT_SECONDS + then);
  }
});
