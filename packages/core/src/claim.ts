import { type Static, Type } from '@sinclair/typebox';
import { OneOfSchema } from './one-of.ts';

/**
 * What can become of a claim request, in order of precedence: the first that applies is the answer.
 * `replayed` is told to the caller as `claimed`: this very claim id already holds a unit. Under an idempotency key, where
 * several requests share a claim id, the request that made the claim is `claimed` however often its job runs.
 */
export const OUTCOMES = [
  'invalid_request',
  'idempotency_key_reused',
  'coupon_not_found',
  'replayed',
  'already_claimed',
  'out_of_stock',
  'claimed',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What the worker decides; an invalid request never reaches it. */
export type Decision = Exclude<Outcome, 'invalid_request'>;

/**
 * What the record of a job says of a claim. `timed_out`: the job was not decided before its deadline, so the claim was not and
 * never will be granted.
 */
export type RecordedDecision = Decision | 'timed_out';

/** A decision by which the claim holds a unit. Everything else is a refusal, or not known. */
export type Grant = Extract<Decision, 'replayed' | 'claimed'>;

export const isGrant = (decision: string | undefined): decision is Grant =>
  decision === 'claimed' || decision === 'replayed';

/** A claim on its way through a lane. `id` is at the same time what makes a second run of its job harmless. */
export interface Claim {
  id: string;
  userId: string;
  couponName: string;
  /** The request that makes this claim, unique over all processes; only under an idempotency key, which requests share. */
  requestId?: string | undefined;
}

/** A claim that stands: it holds a unit. */
export interface ExistingClaim extends Claim {
  /** In ms since the epoch. */
  claimedAt: number;
  /** Whether its coupon was deleted, and another one of the same name exists. */
  ofEarlierCoupon?: boolean;
}

/** A claim that stands, as MongoDB stores it: the claim id is the document's `_id`. */
export interface ClaimFields<CouponId = unknown> {
  _id: string;
  user_id: string;
  coupon_id: CouponId;
  coupon_name: string;
  claimed_at: Date;
  /** The request that made it; only under an idempotency key. */
  request_id?: string;
}

const ClaimIdSchema = Type.String({ description: 'A UUID.' });

/** The answer to a claim that holds a unit. */
export const ClaimedSchema = Type.Object(
  {
    message: Type.Literal('coupon claimed successfully'),
    claim_id: ClaimIdSchema,
    user_id: Type.String(),
    coupon_name: Type.String(),
    claimed_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Claimed', description: 'A claim that holds a unit.' },
);
export type Claimed = Static<typeof ClaimedSchema>;

/** What a claim's status can tell: how it was decided, or that it was not yet. */
const STATUS_CODES = [
  'pending',
  ...OUTCOMES.filter((outcome) => outcome !== 'invalid_request' && outcome !== 'replayed'),
  'timed_out',
] as const;

/** Where a claim stands: the answer to a claim that is not decided yet (202), and to a question about any claim. */
export const ClaimStatusSchema = Type.Object(
  {
    claim_id: ClaimIdSchema,
    status: OneOfSchema(['pending', 'claimed', 'refused']),
    code: OneOfSchema(STATUS_CODES, {
      description:
        'Why it was refused; otherwise the same as status. timed_out: not decided within 15 minutes, and never granted.',
    }),
    user_id: Type.Optional(Type.String()),
    coupon_name: Type.Optional(Type.String()),
    claimed_at: Type.Optional(Type.String({ format: 'date-time' })),
  },
  { $id: 'ClaimStatus', description: 'Where a claim stands.' },
);
export type ClaimStatus = Static<typeof ClaimStatusSchema>;
