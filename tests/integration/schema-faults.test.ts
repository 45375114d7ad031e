import { PENDING_RECORD_KEPT_SECONDS } from '@flashclaim/core';
import { ensureCollections, findSchemaFaults, VALIDATORS } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';

const UNIQUE = 'the unique index on user_id, coupon_id of claims';
const KEY = { user_id: 1, coupon_id: 1 } as const;
const NAME = 'user_id_1_coupon_id_1';

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
  const { $jsonSchema } = VALIDATORS.claims as { $jsonSchema: { properties: object } };
  const properties = { ...$jsonSchema.properties, user_id };
  return changeValidator({ validator: { $jsonSchema: { ...$jsonSchema, required, properties } } });
};
const TEXT = { bsonType: 'string', minLength: 1 };
const REQUIRED = ['_id', 'user_id', 'coupon_id', 'coupon_name', 'claimed_at'];

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
  ['one that leaves documents out', () => replaceIndex({ unique: true, sparse: true }), [UNIQUE]],
  [
    'one for which two users are the same',
    () => replaceIndex({ unique: true, collation: { locale: 'en', strength: 1 } }),
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
  ['one that demands more', () => demand([...REQUIRED, 'sequence'], { ...TEXT, maxLength: 255 }), []],
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
