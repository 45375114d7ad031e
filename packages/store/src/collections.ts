import { AMOUNT_MAX, JOB_RECORD_KEPT_SECONDS, PENDING_RECORD_KEPT_SECONDS } from '@flashclaim/core';

export const COLLECTIONS = {
  coupons: 'coupons',
  claims: 'claims',
  jobRecords: 'job_records',
  pendingClaims: 'pending_claims',
} as const;
type CollectionName = (typeof COLLECTIONS)[keyof typeof COLLECTIONS];

/** Whether two indexes have the same key. As JSON, because the order of the fields counts. */
export const isSameKey = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

export interface IndexDefinition {
  key: Record<string, 1>;
  unique?: true;
  /** MongoDB deletes a document this long after the time in the indexed field. */
  expireAfterSeconds?: number;
}

/**
 * The indexes, by collection. The unique indexes are the last guard behind the decision: without them no process starts.
 * The claim id is the `_id` of a claim, which is unique without an index of ours.
 */
export const INDEXES: Record<CollectionName, readonly IndexDefinition[]> = {
  coupons: [{ key: { name: 1 }, unique: true }],
  claims: [{ key: { user_id: 1, coupon_id: 1 }, unique: true }, { key: { coupon_id: 1 } }, { key: { coupon_name: 1 } }],
  job_records: [{ key: { deadline: 1 }, expireAfterSeconds: JOB_RECORD_KEPT_SECONDS }],
  pending_claims: [{ key: { deadline: 1 }, expireAfterSeconds: PENDING_RECORD_KEPT_SECONDS }],
};

/** A validator for documents that have all these properties, each with its schema. */
const documentOf = (properties: Record<string, object>) => ({
  $jsonSchema: { bsonType: 'object', required: Object.keys(properties), properties },
});

const text = { bsonType: 'string', minLength: 1 };
const date = { bsonType: 'date' };

/** The validators, by collection: MongoDB rejects a document that breaks its validator. They also guard against other writers. */
export const VALIDATORS: Record<CollectionName, object> = {
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
  job_records: documentOf({ _id: text, deadline: date, decided_at: { bsonType: 'timestamp' } }),
  pending_claims: documentOf({
    _id: text,
    index: { bsonType: 'int', minimum: 0 },
    user_id: text,
    coupon_name: text,
    deadline: date,
  }),
};
