import { randomUUID } from 'node:crypto';
import { type Db, ObjectId } from 'mongodb';

const text = { bsonType: 'string', minLength: 1 };
const date = { bsonType: 'date' };
const documentOf = (properties: object) => ({
  $jsonSchema: { bsonType: 'object', required: Object.keys(properties), properties },
});

/** The validators of version 0.1. */
const VALIDATORS = {
  coupons: {
    ...documentOf({
      name: text,
      amount: { bsonType: 'int', minimum: 1, maximum: 2_147_483_647 },
      remaining_amount: { bsonType: 'int', minimum: 0 },
      created_at: date,
      updated_at: date,
    }),
    $expr: { $lte: ['$remaining_amount', '$amount'] },
  },
  claims: documentOf({
    _id: text,
    user_id: text,
    coupon_id: { bsonType: 'objectId' },
    coupon_name: text,
    claimed_at: date,
  }),
};

/** Creates the collections, validators and indexes of coupons and claims as version 0.1 did, in place of the present ones. */
export const createEarlierCollections = async (db: Db): Promise<void> => {
  await db.dropDatabase();
  for (const [name, validator] of Object.entries(VALIDATORS))
    await db.createCollection(name, { validator, validationLevel: 'strict', validationAction: 'error' });
  await db.collection('coupons').createIndex({ name: 1 }, { unique: true });
  await db.collection('claims').createIndex({ user_id: 1, coupon_id: 1 }, { unique: true });
  await db.collection('claims').createIndexes([{ key: { coupon_id: 1 } }, { key: { coupon_name: 1 } }]);
};

const SOLD_AT = new Date('2026-01-02T03:04:05.678Z');

export interface EarlierClaim {
  _id: string;
  user_id: string;
  coupon_id: ObjectId;
  coupon_name: string;
  claimed_at: Date;
}

/** A coupon of version 0.1 and of the Go API, with some units claimed. */
export const earlierCoupon = (name: string, amount: number, claimed = 0) => ({
  _id: new ObjectId(),
  name,
  amount,
  remaining_amount: amount - claimed,
  created_at: SOLD_AT,
  updated_at: SOLD_AT,
});

/** Claims of version 0.1 and of the Go API. Neither their ids nor their times are in the order of their insertion. */
export const earlierClaims = (coupon: { _id: ObjectId; name: string }, users: readonly string[]): EarlierClaim[] =>
  users.map((user_id, index) => ({
    _id: randomUUID(),
    user_id,
    coupon_id: coupon._id,
    coupon_name: coupon.name,
    claimed_at: new Date(SOLD_AT.getTime() - index),
  }));

/** Users `a-1` to `a-n`. */
export const usersOf = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);
