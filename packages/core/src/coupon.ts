import { type Static, Type } from '@sinclair/typebox';
import type { ClosedReason } from './claim.ts';
import { AMOUNT_MAX } from './limits.ts';
import { COUPON_NAME_RULE, NAME_RULE, normaliseName } from './name.ts';
import { OneOfSchema } from './one-of.ts';
import { readTime } from './time.ts';

/** A name as callers send it. The format `name` is checked by `isName`; handlers then call `normaliseName`. */
export const NameSchema = Type.String({ format: 'name', description: `${NAME_RULE}; compared in Unicode NFC` });

/** The name of a new coupon, checked by `isCouponName`. */
export const CouponNameSchema = Type.String({
  format: 'coupon-name',
  description: `${COUPON_NAME_RULE}; compared in Unicode NFC`,
});

export const AmountSchema = Type.Integer({
  minimum: 1,
  maximum: AMOUNT_MAX,
  description: 'Units; one claim takes one.',
});

/** A time that a caller sends: checked by `isTime`. Null is no time. */
const TimeOrNullSchema = (description: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', description });

/** When a coupon accepts claims, as callers send it. */
const SALE = {
  starts_at: Type.Optional(
    TimeOrNullSchema('Claims are accepted from this time on; null: at once. RFC 3339, with an offset.'),
  ),
  ends_at: Type.Optional(
    TimeOrNullSchema('Claims are accepted before this time, which is later than starts_at; null: for ever.'),
  ),
  paused: Type.Optional(Type.Boolean({ description: 'Whether no claims are accepted, whatever the time.' })),
};

export const NewCouponSchema = Type.Object(
  { name: CouponNameSchema, amount: AmountSchema, ...SALE },
  {
    $id: 'NewCoupon',
    description: 'A coupon to create. Other fields are refused.',
    examples: [{ name: 'FLASH_SALE_2024', amount: 5 }],
    additionalProperties: false,
  },
);
export type NewCoupon = Static<typeof NewCouponSchema>;

export const CouponChangeSchema = Type.Object(
  {
    amount: Type.Optional(AmountSchema),
    ...SALE,
    version: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Change the coupon only if it still has this version.' }),
    ),
  },
  {
    $id: 'CouponChange',
    description:
      'The settings to change: at least one of amount, starts_at, ends_at and paused. Other fields are refused.',
    examples: [{ paused: true }, { amount: 10, version: 1 }],
    additionalProperties: false,
    // A body without any setting changes nothing.
    not: { type: 'object', propertyNames: { const: 'version' } },
  },
);
export type CouponChange = Static<typeof CouponChangeSchema>;

export const ClaimRequestSchema = Type.Object(
  { user_id: NameSchema, coupon_name: NameSchema },
  {
    $id: 'ClaimRequest',
    description: 'A claim on one unit of a coupon. Other fields are refused.',
    examples: [{ user_id: 'user_1', coupon_name: 'FLASH_SALE_2024' }],
    additionalProperties: false,
  },
);

/** The states of a coupon. The first that applies is its state. */
export const COUPON_STATES = ['ended', 'paused', 'scheduled', 'sold_out', 'open'] as const;
export type CouponState = (typeof COUPON_STATES)[number];

/** A coupon in an answer. In every read, `remaining_amount` + `claimed_count` = `amount`. */
export const CouponSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    amount: Type.Integer(),
    remaining_amount: Type.Integer(),
    claimed_by: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Users in the order of their claims, at most 1,000. For admin only, once ADMIN_TOKEN is set.',
      }),
    ),
    claimed_count: Type.Integer(),
    version: Type.Integer({ description: 'Every change of its settings adds 1.' }),
    state: OneOfSchema(COUPON_STATES, {
      description:
        'ended: ends_at has passed. paused: as set. scheduled: starts_at has not come. sold_out: no unit remains. ' +
        'open: it can be claimed. The first that applies, by database time.',
    }),
    starts_at: Type.Optional(Type.String({ format: 'date-time', description: 'Only where set.' })),
    ends_at: Type.Optional(Type.String({ format: 'date-time', description: 'Only where set.' })),
    paused: Type.Optional(Type.Boolean({ description: 'Only where true.' })),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Coupon', description: 'A coupon. In every read, remaining_amount + claimed_count = amount.' },
);
export type Coupon = Static<typeof CouponSchema>;

/** When a coupon accepts claims, as MongoDB stores it. */
export interface SaleFields {
  /** Claims are accepted from this time on. Absent: since ever. */
  starts_at?: Date;
  /** Claims are accepted before this time. Absent: for ever. */
  ends_at?: Date;
  /** Absent: not paused. */
  paused?: true;
}

/** A coupon as MongoDB stores it, without its `_id`. All times are database time. */
export interface CouponFields extends SaleFields {
  name: string;
  amount: number;
  remaining_amount: number;
  /** Units of holds among those that do not remain. */
  held_amount: number;
  /** The sequence number of the last grant. */
  issued: number;
  /** Every change of its settings adds 1. */
  version: number;
  /** The number of its last event. */
  event_count: number;
  created_at: Date;
  updated_at: Date;
}

/** The document of a new coupon without its times: all its units remain. */
export const newCouponFields = (request: NewCoupon): Omit<CouponFields, 'created_at' | 'updated_at'> => {
  const { name, amount, paused } = request;
  const [starts_at, ends_at] = [toTime(request.starts_at), toTime(request.ends_at)];
  return {
    name: normaliseName(name),
    amount,
    remaining_amount: amount,
    held_amount: 0,
    issued: 0,
    version: 1,
    event_count: 0,
    ...(starts_at && { starts_at }),
    ...(ends_at && { ends_at }),
    ...(paused && { paused }),
  };
};

/** The document of a new coupon. */
export const newCoupon = (request: NewCoupon, now: Date): CouponFields => ({
  ...newCouponFields(request),
  created_at: now,
  updated_at: now,
});

/** A time of a request that matches its schema; undefined where there is none. */
export const toTime = (text: string | null | undefined): Date | undefined =>
  typeof text === 'string' ? readTime(text) : undefined;

/** The state of a coupon at this time. */
export const stateOf = (coupon: SaleFields & Pick<CouponFields, 'remaining_amount'>, now: Date): CouponState => {
  const reason = closedReasonOf(coupon, now);
  if (reason) return reason === 'not_started' ? 'scheduled' : reason;
  return coupon.remaining_amount === 0 ? 'sold_out' : 'open';
};

/** Why a coupon accepts no claims at this time; undefined where it does. */
export const closedReasonOf = ({ starts_at, ends_at, paused }: SaleFields, now: Date): ClosedReason | undefined => {
  if (ends_at && now >= ends_at) return 'ended';
  if (paused) return 'paused';
  return starts_at && now < starts_at ? 'not_started' : undefined;
};
