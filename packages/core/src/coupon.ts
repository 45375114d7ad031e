import { type Static, Type } from '@sinclair/typebox';
import type { ClosedReason } from './claim.ts';
import { AMOUNT_MAX } from './limits.ts';
import { COUPON_NAME_RULE, NAME_RULE, normaliseName } from './name.ts';

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

export const NewCouponSchema = Type.Object(
  { name: CouponNameSchema, amount: AmountSchema },
  {
    $id: 'NewCoupon',
    description: 'A coupon to create. Other fields are refused.',
    examples: [{ name: 'FLASH_SALE_2024', amount: 5 }],
    additionalProperties: false,
  },
);
export type NewCoupon = Static<typeof NewCouponSchema>;

export const ClaimRequestSchema = Type.Object(
  { user_id: NameSchema, coupon_name: NameSchema },
  {
    $id: 'ClaimRequest',
    description: 'A claim on one unit of a coupon. Other fields are refused.',
    examples: [{ user_id: 'user_1', coupon_name: 'FLASH_SALE_2024' }],
    additionalProperties: false,
  },
);

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

/** The document of a new coupon: all its units remain. */
export const newCoupon = ({ name, amount }: NewCoupon, now: Date): CouponFields => ({
  name: normaliseName(name),
  amount,
  remaining_amount: amount,
  held_amount: 0,
  issued: 0,
  version: 1,
  event_count: 0,
  created_at: now,
  updated_at: now,
});

/** Why a coupon accepts no claims at this time; undefined where it does. */
export const closedReasonOf = ({ starts_at, ends_at, paused }: SaleFields, now: Date): ClosedReason | undefined => {
  if (ends_at && now >= ends_at) return 'ended';
  if (paused) return 'paused';
  return starts_at && now < starts_at ? 'not_started' : undefined;
};
