import { type Static, Type } from '@sinclair/typebox';

/** Milliseconds on one clock for the whole history, with fractions. */
const Time = Type.Number();

/** How a call went. Without `answeredAt` it never ended; with `error` its connection broke, and nobody knows what became of it. */
const call = {
  invokedAt: Time,
  answeredAt: Type.Optional(Time),
  status: Type.Optional(Type.Integer()),
  /** Of a problem; of a claim's status: `pending`, `claimed` or what it was refused for. */
  code: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
};

const ClaimCallSchema = Type.Object({
  op: Type.Literal('claim'),
  ...call,
  /** As they were sent, in their normal form. */
  user: Type.String(),
  coupon: Type.String(),
  /** The Idempotency-Key that was sent. */
  key: Type.Optional(Type.String()),
  /** As the answer had it: a 200, a 202, or a 503 of which nobody knows what it became. */
  claimId: Type.Optional(Type.String()),
  /** Whether the answer bore `Idempotency-Replayed: true`. */
  replayed: Type.Optional(Type.Boolean()),
});

/** A read of a claim's status. Each one belongs into the history, for each one is judged. */
const StatusCallSchema = Type.Object({
  op: Type.Literal('status'),
  ...call,
  claimId: Type.String(),
  /** Whose claim the answer tells of: requests of different users may share a key, and so a claim id. */
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
  /** What `claimed_count` said, and how many users were listed of at most `limit`. */
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

/** Something was broken on purpose, or is whole again. */
const MarkSchema = Type.Object({
  op: Type.Union([Type.Literal('broken'), Type.Literal('recovered')]),
  invokedAt: Time,
  what: Type.String(),
});

/** One line of a history. Lines may stand in any order: their times tell. */
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
