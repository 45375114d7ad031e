import { AMOUNT_MAX, JOB_RECORD_KEPT_SECONDS, PENDING_RECORD_KEPT_SECONDS } from '@flashclaim/core';

export const COLLECTIONS = {
  coupons: 'coupons',
  claims: 'claims',
  events: 'events',
  jobRecords: 'job_records',
  pendingClaims: 'pending_claims',
} as const;
type CollectionName = (typeof COLLECTIONS)[keyof typeof COLLECTIONS];

export interface IndexDefinition {
  key: Record<string, 1>;
  /** By default MongoDB makes it of the key. */
  name?: string;
  unique?: true;
  /** Only documents that match are in the index. */
  partialFilterExpression?: object;
  /** MongoDB deletes a document this long after the time in the indexed field. */
  expireAfterSeconds?: number;
}

/**
 * The indexes, by collection. The unique indexes are the last guard behind the decision: without them no process starts.
 * The claim id is the `_id` of a claim, which is unique without an index of ours.
 */
export const INDEXES: Record<CollectionName, readonly IndexDefinition[]> = {
  coupons: [{ key: { name: 1 }, unique: true }],
  claims: [
    // A user may have one live claim of a coupon. With the name of the index of all claims, which it replaces, both could not
    // exist at once.
    {
      key: { user_id: 1, coupon_id: 1 },
      name: 'live_user_id_1_coupon_id_1',
      unique: true,
      partialFilterExpression: { ordinal: 1 },
    },
    // Also serves every search by coupon_id alone. Not unique: transactions that give numbers of a coupon write the coupon, so
    // they exclude each other, and a unique index would cost a sixth of MongoDB's work for a claim.
    { key: { coupon_id: 1, sequence: 1 } },
    { key: { coupon_name: 1 } },
    { key: { user_id: 1, ended_at: 1 }, partialFilterExpression: { ended_at: { $exists: true } } },
  ],
  events: [{ key: { coupon_id: 1, number: 1 }, unique: true }],
  job_records: [{ key: { deadline: 1 }, expireAfterSeconds: JOB_RECORD_KEPT_SECONDS }],
  pending_claims: [{ key: { deadline: 1 }, expireAfterSeconds: PENDING_RECORD_KEPT_SECONDS }],
};

/** A validator for documents that have all these properties, each with its schema; and those of `optional`, if they are there. */
const documentOf = (properties: Record<string, object>, optional: Record<string, object> = {}) => ({
  $jsonSchema: {
    bsonType: 'object',
    required: Object.keys(properties),
    properties: { ...properties, ...optional },
  },
});

const text = { bsonType: 'string', minLength: 1 };
const date = { bsonType: 'date' };
const objectId = { bsonType: 'objectId' };
/** A number of which a coupon may have more than 2,147,483,647 in time. The driver stores larger ones as doubles. */
const countFrom = (minimum: number) => ({ bsonType: ['int', 'long', 'double'], minimum });

/** Validators apply to every write, and a write that breaks one fails. */
export const VALIDATION = { validationLevel: 'strict', validationAction: 'error' } as const;

/** The validators, by collection: MongoDB rejects a document that breaks its validator. They also guard against other writers. */
export const VALIDATORS: Record<CollectionName, object> = {
  coupons: {
    ...documentOf(
      {
        name: text,
        amount: { bsonType: 'int', minimum: 1, maximum: AMOUNT_MAX },
        remaining_amount: { bsonType: 'int', minimum: 0 },
        held_amount: { bsonType: 'int', minimum: 0 },
        issued: countFrom(0),
        version: countFrom(1),
        event_count: countFrom(0),
        created_at: date,
        updated_at: date,
      },
      { starts_at: date, ends_at: date, paused: { enum: [true] } },
    ),
    $expr: { $lte: ['$remaining_amount', '$amount'] },
  },
  claims: {
    ...documentOf(
      {
        _id: text,
        user_id: text,
        coupon_id: objectId,
        coupon_name: text,
        claimed_at: date,
        sequence: countFrom(1),
      },
      { ended_at: date },
    ),
    // A claim is live or has ended, never both.
    $or: [
      { ordinal: { $exists: true }, ended_at: { $exists: false } },
      { ordinal: { $exists: false }, ended_at: { $exists: true } },
    ],
  },
  events: documentOf({
    coupon_id: objectId,
    number: countFrom(1),
    after_sequence: countFrom(0),
    type: text,
    at: date,
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
