import { type Static, Type } from '@sinclair/typebox';
import { OneOfSchema } from './one-of.ts';

/**
 * The outcomes of a claim request, in order of precedence: the first that applies is the answer.
 *
 * `replayed`: the claim id already holds a unit. The caller is answered 200, as for `claimed`. A user's requests with the same
 * idempotency key share a claim id; the request that made the claim gets `claimed` however often its job runs.
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

/** An outcome that the worker decides. The API answers an invalid request itself. */
export type Decision = Exclude<Outcome, 'invalid_request'>;

/**
 * A decision in a job record. `timed_out`: the job was not decided before its deadline, so its claims never get a unit.
 */
export type RecordedDecision = Decision | 'timed_out';

/** A decision that gives the claim a unit. */
export type Grant = Extract<Decision, 'replayed' | 'claimed'>;

export const isGrant = (decision: string | undefined): decision is Grant =>
  decision === 'claimed' || decision === 'replayed';

/** A claim in a job. Its `id` becomes the unique `_id` in MongoDB, so a second run of the job grants nothing. */
export interface Claim {
  id: string;
  userId: string;
  couponName: string;
  /** The id of the request, unique over all processes. Only with an idempotency key, because requests then share a claim id. */
  requestId?: string | undefined;
}

/** A committed claim: it holds a unit. */
export interface ExistingClaim extends Claim {
  /** In ms since the epoch. */
  claimedAt: number;
  /** Whether its coupon was deleted, and another coupon with the same name exists. */
  ofEarlierCoupon?: boolean;
}

/** A committed claim as MongoDB stores it. The claim id is the document's `_id`. */
export interface ClaimFields<CouponId = unknown> {
  _id: string;
  user_id: string;
  coupon_id: CouponId;
  coupon_name: string;
  claimed_at: Date;
  /** The id of the request that made it. Only with an idempotency key. */
  request_id?: string;
}

const ClaimIdSchema = Type.String({ description: 'A UUID.' });

/** The text of a granted claim in the original API. */
export const CLAIMED_MESSAGE = 'coupon claimed successfully';

/** The codes of a claim's status: its decision, or `pending`. */
const STATUS_CODES = [
  'pending',
  ...OUTCOMES.filter((outcome) => outcome !== 'invalid_request' && outcome !== 'replayed'),
  'timed_out',
] as const;

/** A claim and its status: the body of a 200 and a 202 answer to a claim, and of `GET /api/claims/{claim_id}`. */
export const ClaimStatusSchema = Type.Object(
  {
    message: Type.Optional(Type.Literal(CLAIMED_MESSAGE, { description: 'Only with status claimed.' })),
    claim_id: ClaimIdSchema,
    status: OneOfSchema(['pending', 'claimed', 'refused']),
    code: OneOfSchema(STATUS_CODES, {
      description:
        'Why it was refused; otherwise the same as status. timed_out: not decided within 15 minutes, and never granted.',
    }),
    user_id: Type.String(),
    coupon_name: Type.String(),
    claimed_at: Type.Optional(Type.String({ format: 'date-time', description: 'Only with status claimed.' })),
  },
  { $id: 'ClaimStatus', description: 'A claim and its status.' },
);
export type ClaimStatus = Static<typeof ClaimStatusSchema>;
