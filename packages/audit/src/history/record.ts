import { type Static, Type } from '@sinclair/typebox';

/** Milliseconds with fractions, on one clock for the whole history. */
const Time = Type.Number();

/** The result of a call. Without `answeredAt` it never ended; with `error` its connection broke, and its result is unknown. */
const call = {
  invokedAt: Time,
  answeredAt: Type.Optional(Time),
  status: Type.Optional(Type.Integer()),
  /** The code of a problem. In a claim's status: `pending`, `claimed` or the reason of the refusal. */
  code: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
};

const ClaimCallSchema = Type.Object({
  op: Type.Literal('claim'),
  ...call,
  /** As sent, in Unicode NFC. */
  user: Type.String(),
  coupon: Type.String(),
  /** The Idempotency-Key that was sent. */
  key: Type.Optional(Type.String()),
  /** From the answer: a 200, a 202, or a 503 whose result is unknown. */
  claimId: Type.Optional(Type.String()),
  /** Whether the answer had `Idempotency-Replayed: true`. */
  replayed: Type.Optional(Type.Boolean()),
  /** From a 503: whether the claim may have been or may still be granted. */
  done: Type.Optional(Type.Union([Type.Literal('nothing'), Type.Literal('unknown')])),
});

/** A read of a claim's status. The history must have every one, because every one is judged. */
const StatusCallSchema = Type.Object({
  op: Type.Literal('status'),
  ...call,
  claimId: Type.String(),
  /** The user and coupon in the answer: a user's requests for different coupons may share a key, and so a claim id. */
  user: Type.Optional(Type.String()),
  coupon: Type.Optional(Type.String()),
});

/** A read of a coupon. */
const ReadCallSchema = Type.Object({
  op: Type.Literal('read'),
  ...call,
  coupon: Type.String(),
  amount: Type.Optional(Type.Integer()),
  remaining: Type.Optional(Type.Integer()),
  /** `claimed` is `claimed_count`; `listed` is the number of users in the answer, at most `limit`. */
  claimed: Type.Optional(Type.Integer()),
  listed: Type.Optional(Type.Integer()),
  limit: Type.Optional(Type.Integer()),
});

const CreateCallSchema = Type.Object({
  op: Type.Literal('create'),
  ...call,
  coupon: Type.String(),
  amount: Type.Integer(),
});

/** A test broke a part on purpose, or the part recovered. */
const MarkSchema = Type.Object({
  op: Type.Union([Type.Literal('broken'), Type.Literal('recovered')]),
  invokedAt: Time,
  what: Type.String(),
});

/** One line of a history. Lines may have any order: their times count. */
export const HistoryRecordSchema = Type.Union([
  ClaimCallSchema,
  StatusCallSchema,
  ReadCallSchema,
  CreateCallSchema,
  MarkSchema,
]);
export type HistoryRecord = Static<typeof HistoryRecordSchema>;
export type ClaimCall = Static<typeof ClaimCallSchema>;
export type StatusCall = Static<typeof StatusCallSchema>;
export type ReadCall = Static<typeof ReadCallSchema>;
export type CreateCall = Static<typeof CreateCallSchema>;
export type Mark = Static<typeof MarkSchema>;
