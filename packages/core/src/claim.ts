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
  'claim_released',
  'already_claimed',
  'sale_not_open',
  'out_of_stock',
  'claimed',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Why a coupon accepts no claims: the reasons of the outcome `sale_not_open`. The first that applies counts. */
export const CLOSED_REASONS = ['ended', 'paused', 'not_started'] as const;
export type ClosedReason = (typeof CLOSED_REASONS)[number];

/** A decision about a release. `claim_not_found`: no such claim of a coupon that exists. */
export type ReleaseDecision = 'released' | 'claim_not_found';

/** A decision about a claim: an outcome, or the reason of `sale_not_open`. The API answers an invalid request itself. */
export type ClaimDecision = Exclude<Outcome, 'invalid_request' | 'sale_not_open'> | ClosedReason;

/** What the worker decides. */
export type Decision = ClaimDecision | ReleaseDecision;

/** How decisions are counted: all reasons of `sale_not_open` together. */
export type CountedDecision = Exclude<Decision, ClosedReason> | 'sale_not_open';
export const countedAs = (decision: Decision): CountedDecision =>
  isClosedReason(decision) ? 'sale_not_open' : decision;

export const COUNTED_DECISIONS: readonly CountedDecision[] = [
  ...OUTCOMES.filter((outcome) => outcome !== 'invalid_request'),
  'released',
  'claim_not_found',
];

/**
 * A decision in a job record. `timed_out`: the job was not decided before its deadline, so its claims never get a unit.
 */
export type RecordedDecision = Decision | 'timed_out';

/** A decision that gives the claim a unit. */
export type Grant = Extract<Decision, 'replayed' | 'claimed'>;

export const isGrant = (decision: string | undefined): decision is Grant =>
  decision === 'claimed' || decision === 'replayed';

export const isReleaseDecision = (decision: string): decision is ReleaseDecision =>
  decision === 'released' || decision === 'claim_not_found';

export const isClosedReason = (decision: string): decision is ClosedReason =>
  (CLOSED_REASONS as readonly string[]).includes(decision);

/**
 * A claim in a job. Its `id` becomes the unique `_id` in MongoDB, so a second run of the job grants nothing.
 * With `operation: 'release'` the lane releases this claim, which exists already.
 */
export interface Claim {
  id: string;
  userId: string;
  couponName: string;
  /** Absent: claim a unit. */
  operation?: 'release' | undefined;
  /** The id of the request, unique over all processes. Only with an idempotency key, because requests then share a claim id. */
  requestId?: string | undefined;
}

/** What a grant gave a claim. */
export interface Unit {
  /** The number of the unit within its coupon: 1, 2, 3 … in the order of the grants. Never used again. */
  sequence: number;
  /** Database time, in ms since the epoch. */
  claimedAt: number;
}

/** A committed claim. It is live, that is, it holds its unit, until it is released. */
export interface ExistingClaim extends Claim, Unit {
  /** When it was released, in ms of database time since the epoch. Absent while the claim is live. */
  endedAt?: number | undefined;
  /** Whether its coupon was deleted, and another coupon with the same name exists. */
  ofEarlierCoupon?: boolean;
}

/** What an existing claim got by its grant. */
export const unitOf = ({ sequence, claimedAt, endedAt }: ExistingClaim) => ({ sequence, claimedAt, endedAt });

/** A committed claim as MongoDB stores it, also after its release. The claim id is the document's `_id`. */
export interface ClaimFields<CouponId = unknown> {
  _id: string;
  user_id: string;
  coupon_id: CouponId;
  coupon_name: string;
  claimed_at: Date;
  sequence: number;
  /** Which of the user's live units of the coupon it is: always 1. Absent once the claim has ended, so that the user may claim again. */
  ordinal?: 1;
  /** Absent while the claim is live. */
  state?: 'released';
  ended_at?: Date;
  /** The id of the request that made it. Only with an idempotency key. */
  request_id?: string;
}

const ClaimIdSchema = Type.String({ description: 'A UUID.' });

/** The text of a granted claim in the original API. */
export const CLAIMED_MESSAGE = 'coupon claimed successfully';

/** The codes of a claim's status: its decision, `pending`, or `released`. */
const STATUS_CODES = [
  'pending',
  ...OUTCOMES.filter((outcome) => outcome !== 'invalid_request' && outcome !== 'replayed'),
  'timed_out',
  'released',
] as const;

/** The member `reason` of a status and of a problem. */
export const ClosedReasonSchema = OneOfSchema(CLOSED_REASONS, { description: 'Only with code sale_not_open: why.' });

/** A claim and its status: the body of a 200 and a 202 answer to a claim, and of `GET /api/claims/{claim_id}`. */
export const ClaimStatusSchema = Type.Object(
  {
    message: Type.Optional(Type.Literal(CLAIMED_MESSAGE, { description: 'Only with status claimed.' })),
    claim_id: ClaimIdSchema,
    status: OneOfSchema(['pending', 'claimed', 'refused', 'released']),
    code: OneOfSchema(STATUS_CODES, {
      description:
        'Why it was refused; otherwise the same as status. timed_out: not decided within 15 minutes, and never granted.',
    }),
    reason: Type.Optional(ClosedReasonSchema),
    user_id: Type.String(),
    coupon_name: Type.String(),
    sequence: Type.Optional(
      Type.Integer({
        description:
          'The number of its unit within the coupon: 1, 2, 3 … in the order of the grants. Never used again, so after ' +
          'releases it may exceed amount. Only with status claimed or released.',
      }),
    ),
    claimed_at: Type.Optional(
      Type.String({ format: 'date-time', description: 'Only with status claimed or released.' }),
    ),
    ended_at: Type.Optional(
      Type.String({ format: 'date-time', description: 'When it was released. Only with status released.' }),
    ),
  },
  { $id: 'ClaimStatus', description: 'A claim and its status.' },
);
export type ClaimStatus = Static<typeof ClaimStatusSchema>;
