import { type Static, Type } from '@sinclair/typebox';

/** Milliseconds with fractions, on one clock for the whole history. */
const Time = Type.Number();

/** The result of a call. Without `answeredAt` it never ended; with `error` its connection broke, and its result is unknown. */
const call = {
  invokedAt: Time,
  answeredAt: Type.Optional(Time),
  status: Type.Optional(Type.Integer()),
  /** The code of a problem. In a claim's status: `pending`, `claimed`, `released` or the code of the refusal. */
  code: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
};

/** From a 503: whether the change may have been or may still be made. */
const Done = Type.Optional(Type.Union([Type.Literal('nothing'), Type.Literal('unknown')]));

/** With `sale_not_open`: `ended`, `paused` or `not_started`. */
const Reason = Type.Optional(Type.String());

/** Database time in ms since the epoch. */
const DatabaseTime = Type.Number();

/** What an answer said about the unit of a claim. */
const unit = {
  sequence: Type.Optional(Type.Integer()),
  claimedAt: Type.Optional(DatabaseTime),
  endedAt: Type.Optional(DatabaseTime),
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
  done: Done,
  reason: Reason,
  ...unit,
});

/** A read of a claim's status. The history must have every one, because every one is judged. */
const StatusCallSchema = Type.Object({
  op: Type.Literal('status'),
  ...call,
  claimId: Type.String(),
  /** The user and coupon in the answer: a user's requests for different coupons may share a key, and so a claim id. */
  user: Type.Optional(Type.String()),
  coupon: Type.Optional(Type.String()),
  reason: Reason,
  ...unit,
});

/** A release of a claim. */
const ReleaseCallSchema = Type.Object({
  op: Type.Literal('release'),
  ...call,
  claimId: Type.String(),
  done: Done,
  /** From the answer. */
  user: Type.Optional(Type.String()),
  coupon: Type.Optional(Type.String()),
  ...unit,
});

/** When a coupon accepts claims. null: no such limit. */
const sale = {
  startsAt: Type.Optional(Type.Union([DatabaseTime, Type.Null()])),
  endsAt: Type.Optional(Type.Union([DatabaseTime, Type.Null()])),
  paused: Type.Optional(Type.Boolean()),
};

/** A change of a coupon's settings. */
const SettingsCallSchema = Type.Object({
  op: Type.Literal('settings'),
  ...call,
  coupon: Type.String(),
  /** As sent. A setting that was not sent is absent. `version` is the expected version. */
  set: Type.Object({ amount: Type.Optional(Type.Integer()), ...sale, version: Type.Optional(Type.Integer()) }),
  done: Done,
  /** The version in the answer. */
  version: Type.Optional(Type.Integer()),
});

/** A walk over all pages of a list. With `error` or without status 200 the caller has not seen its end. */
const ListCallSchema = Type.Object({
  op: Type.Literal('list'),
  ...call,
  of: Type.Union([Type.Literal('coupons'), Type.Literal('claims'), Type.Literal('user')]),
  /** With `claims`: the coupon, and the status that was asked for. */
  coupon: Type.Optional(Type.String()),
  only: Type.Optional(Type.Union([Type.Literal('claimed'), Type.Literal('released')])),
  /** With `user`. */
  user: Type.Optional(Type.String()),
  /** With `coupons`: the prefix of their names. */
  prefix: Type.Optional(Type.String()),
  /** The claim ids, or the names of coupons, of each page that was answered. */
  pages: Type.Array(Type.Array(Type.String())),
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
  version: Type.Optional(Type.Integer()),
  state: Type.Optional(Type.String()),
});

const CreateCallSchema = Type.Object({
  op: Type.Literal('create'),
  ...call,
  coupon: Type.String(),
  amount: Type.Integer(),
  ...sale,
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
  ReleaseCallSchema,
  SettingsCallSchema,
  ListCallSchema,
  MarkSchema,
]);
export type HistoryRecord = Static<typeof HistoryRecordSchema>;
export type ClaimCall = Static<typeof ClaimCallSchema>;
export type StatusCall = Static<typeof StatusCallSchema>;
export type ReadCall = Static<typeof ReadCallSchema>;
export type CreateCall = Static<typeof CreateCallSchema>;
export type ReleaseCall = Static<typeof ReleaseCallSchema>;
export type SettingsCall = Static<typeof SettingsCallSchema>;
export type ListCall = Static<typeof ListCallSchema>;
export type Mark = Static<typeof MarkSchema>;
