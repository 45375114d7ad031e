import type { Claimed, ClaimStatus, Coupon } from '@flashclaim/core';
import type { AnswerHeader } from './headers.ts';

/** What the document says of an answer that is no problem, beyond its schema. */
export interface DocumentedAnswer {
  description: string;
  headers?: readonly AnswerHeader[];
  /** JSON where it is not named. */
  mediaType?: string;
  /** By name; none where the answer has no body. */
  examples?: Record<string, { summary?: string; value: unknown }>;
}

const CLAIM_ID = '0199a3c2-7d40-7c11-9f00-3b1f0c6e2a55';
const CLAIMED_AT = '2026-11-27T09:00:00.042Z';
const whose = { user_id: 'user_1', coupon_name: 'FLASH_SALE_2024' };

const claimed: Claimed = {
  message: 'coupon claimed successfully',
  claim_id: CLAIM_ID,
  ...whose,
  claimed_at: CLAIMED_AT,
};
const pending: ClaimStatus = { claim_id: CLAIM_ID, status: 'pending', code: 'pending', ...whose };
const existing: ClaimStatus = {
  claim_id: CLAIM_ID,
  status: 'claimed',
  code: 'claimed',
  ...whose,
  claimed_at: CLAIMED_AT,
};
const refused: ClaimStatus = { claim_id: CLAIM_ID, status: 'refused', code: 'out_of_stock', ...whose };

const created: Coupon = {
  id: '66f1a0c2e4b0a1b2c3d4e5f6',
  name: 'FLASH_SALE_2024',
  amount: 5,
  remaining_amount: 5,
  claimed_by: [],
  claimed_count: 0,
  created_at: '2026-11-27T08:00:00.000Z',
  updated_at: '2026-11-27T08:00:00.000Z',
};
const inSale: Coupon = {
  ...created,
  remaining_amount: 3,
  claimed_by: ['user_1', 'user_2'],
  claimed_count: 2,
  updated_at: CLAIMED_AT,
};

export const CLAIMED_ANSWER: DocumentedAnswer = {
  description: 'The unit is this user’s, and stays it through any crash.',
  headers: ['idempotency-replayed', 'preference-applied'],
  examples: {
    claimed: { summary: 'Claimed, or the same claim again under its Idempotency-Key', value: claimed },
  },
};

export const PENDING_ANSWER: DocumentedAnswer = {
  description:
    'Not decided yet. It will be within 15 minutes, or it is refused (timed_out) and never granted: ask at Location.',
  headers: ['preference-applied'],
  examples: { pending: { value: pending } },
};

export const CLAIM_STATUS_ANSWER: DocumentedAnswer = {
  description:
    'Where the claim stands. A refusal can be read for at least an hour after the decision, a claim that holds a unit always.',
  examples: { pending: { value: pending }, claimed: { value: existing }, refused: { value: refused } },
};

export const COUPON_CREATED_ANSWER: DocumentedAnswer = {
  description: 'The coupon exists, and can be claimed from now on.',
  headers: ['etag'],
  examples: { created: { value: created } },
};

export const COUPON_ANSWER: DocumentedAnswer = {
  description: 'The coupon at one moment, also in mid-sale.',
  headers: ['etag'],
  examples: {
    created: { summary: 'Nobody has claimed', value: created },
    sale: { summary: 'In a sale', value: inSale },
  },
};

export const UNCHANGED_ANSWER: DocumentedAnswer = {
  description: 'Nothing has changed since the ETag of If-None-Match.',
  headers: ['etag'],
};

export const HEALTHY_ANSWER: DocumentedAnswer = {
  description: 'Redis and MongoDB answer.',
  examples: { ok: { value: { status: 'ok' } } },
};

export const LIVE_ANSWER: DocumentedAnswer = {
  description: 'This process answers.',
  examples: { ok: { value: { status: 'ok' } } },
};

export const METRICS_ANSWER: DocumentedAnswer = {
  description: 'What this process has counted and measured since its start, in Prometheus’ text format.',
  mediaType: 'text/plain',
  examples: { start: { value: 'flashclaim_claims_total{outcome="claimed"} 5' } },
};

/** Where to go on from an answer: by status, for the route's option `links`. */
export const TO_CLAIM = {
  claim: {
    operationId: 'getClaim',
    parameters: { claim_id: '$response.body#/claim_id' },
    description: 'What became of the claim.',
  },
};

export const TO_COUPON = {
  coupon: {
    operationId: 'getCoupon',
    parameters: { name: '$response.body#/name' },
    description: 'The coupon as it is later.',
  },
};
