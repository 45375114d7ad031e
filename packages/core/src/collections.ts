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

/** A document that has all of these properties, each as described. */
const documentOf = (properties: Record<string, object>) => ({
  $jsonSchema: { bsonType: 'object', required: Object.keys(properties), properties },
});

const text = { bsonType: 'string', minLength: 1 };
const date = { bsonType: 'date' };

/** What MongoDB itself refuses to store, whoever writes: the guard behind the guard. */
export const VALIDATORS: Record<keyof typeof COLLECTIONS, object> = {
  coupons: {
    ...documentOf({
      name: text,
      amount: { bsonType: 'int', minimum: 1, maximum: AMOUNT_MAX },
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
