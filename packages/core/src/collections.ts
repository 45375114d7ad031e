import { AMOUNT_MAX } from './limits.ts';

export const COLLECTIONS = { coupons: 'coupons', claims: 'claims' } as const;

export interface IndexDefinition {
  key: Record<string, 1>;
  unique?: true;
}

/**
 * The indexes, by collection. The unique ones are the last guard behind the decision: without them nothing starts.
 * The claim id is the `_id` of a claim, which MongoDB keeps unique by itself.
 */
export const INDEXES: Record<keyof typeof COLLECTIONS, readonly IndexDefinition[]> = {
  coupons: [{ key: { name: 1 }, unique: true }],
  claims: [{ key: { user_id: 1, coupon_id: 1 }, unique: true }, { key: { coupon_id: 1 } }, { key: { coupon_name: 1 } }],
};

/** What MongoDB itself refuses to store, whoever writes: the guard behind the guard. */
export const VALIDATORS: Record<keyof typeof COLLECTIONS, object> = {
  coupons: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['name', 'amount', 'remaining_amount', 'created_at', 'updated_at'],
      properties: {
        name: { bsonType: 'string', minLength: 1 },
        amount: { bsonType: 'int', minimum: 1, maximum: AMOUNT_MAX },
        remaining_amount: { bsonType: 'int', minimum: 0 },
        created_at: { bsonType: 'date' },
        updated_at: { bsonType: 'date' },
      },
    },
    $expr: { $lte: ['$remaining_amount', '$amount'] },
  },
  claims: {
    $jsonSchema: {
      bsonType: 'object',
      required: ['_id', 'user_id', 'coupon_id', 'coupon_name', 'claimed_at'],
      properties: {
        _id: { bsonType: 'string', minLength: 1 },
        user_id: { bsonType: 'string', minLength: 1 },
        coupon_id: { bsonType: 'objectId' },
        coupon_name: { bsonType: 'string', minLength: 1 },
        claimed_at: { bsonType: 'date' },
      },
    },
  },
};
