import { CLAIMED_MESSAGE, type ClaimStatus, type Coupon } from '@flashclaim/core';
import { EXPORT_FORMATS } from '../../claims/lists/export-formats.ts';
import { claimsCursor } from '../cursor.ts';
import type { AnswerHeader } from './headers.ts';

/** How the document describes an answer that is not a problem, beyond its schema. */
export interface DocumentedAnswer {
  description: string;
  headers?: readonly AnswerHeader[];
  /** JSON by default. */
  mediaType?: string;
  /** By name; none where the answer has no body. */
  examples?: Record<string, { summary?: string; value: unknown }>;
  /** Media types in which it is a text, each with an example. */
  texts?: Record<string, string>;
}

const CLAIM_ID = '0199a3c2-7d40-7c11-9f00-3b1f0c6e2a55';
const CLAIMED_AT = '2026-11-27T09:00:00.042Z';
const names = { user_id: 'user_1', coupon_name: 'FLASH_SALE_2024' };

const pending: ClaimStatus = { claim_id: CLAIM_ID, status: 'pending', code: 'pending', ...names };
const claimed: ClaimStatus = {
  message: CLAIMED_MESSAGE,
  claim_id: CLAIM_ID,
  status: 'claimed',
  code: 'claimed',
  ...names,
  sequence: 2,
  claimed_at: CLAIMED_AT,
};
const { message: _message, ...unit } = claimed;
const released: ClaimStatus = { ...unit, status: 'released', code: 'released', ended_at: '2026-11-27T10:12:00.007Z' };
const refused: ClaimStatus = { claim_id: CLAIM_ID, status: 'refused', code: 'out_of_stock', ...names };

const created: Coupon = {
  id: '66f1a0c2e4b0a1b2c3d4e5f6',
  name: 'FLASH_SALE_2024',
  amount: 5,
  remaining_amount: 5,
  claimed_by: [],
  claimed_count: 0,
  version: 1,
  state: 'open',
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

const { claimed_by: _users, ...listed } = inSale;
const paused: Coupon = { ...listed, version: 2, state: 'paused', ends_at: '2026-11-28T09:00:00.000Z', paused: true };

export const CLAIMED_ANSWER: DocumentedAnswer = {
  description: 'The user holds the unit, also after any crash.',
  headers: ['idempotency-replayed', 'preference-applied'],
  examples: {
    claimed: { summary: 'Claimed, or the same claim again under its Idempotency-Key', value: claimed },
  },
};

export const PENDING_ANSWER: DocumentedAnswer = {
  description:
    'Not decided yet. After 15 minutes without a decision it is refused (timed_out) and never granted. Read the status at Location.',
  headers: ['preference-applied'],
  examples: { pending: { value: pending } },
};

export const CLAIM_STATUS_ANSWER: DocumentedAnswer = {
  description:
    'The status of the claim. A refusal can be read for at least an hour after the decision, a claim that holds or held a unit always.',
  examples: {
    pending: { value: pending },
    claimed: { value: claimed },
    refused: { value: refused },
    released: { value: released },
  },
};

export const RELEASED_ANSWER: DocumentedAnswer = {
  description: 'The claim is released, now or before. Its unit was returned once.',
  examples: { released: { value: released } },
};

export const RELEASE_PENDING_ANSWER: DocumentedAnswer = {
  description: 'Not released yet. Send the request again until the answer is 200, or read the status at Location.',
  examples: { pending: { value: claimed } },
};

export const COUPON_CREATED_ANSWER: DocumentedAnswer = {
  description: 'The coupon exists, and can be claimed while its state is open.',
  headers: ['etag', 'vary'],
  examples: { created: { value: created } },
};

export const COUPON_ANSWER: DocumentedAnswer = {
  description: 'A consistent snapshot of the coupon, also during a sale.',
  headers: ['etag', 'vary', 'link'],
  examples: {
    created: { summary: 'Nobody has claimed', value: created },
    sale: { summary: 'During a sale', value: inSale },
  },
};

export const COUPON_CHANGED_ANSWER: DocumentedAnswer = {
  description:
    'The coupon with its new settings, without claimed_by. No claim commits under the old ones after this answer.',
  headers: ['etag', 'vary'],
  examples: { paused: { summary: 'Paused', value: paused } },
};

export const UNCHANGED_ANSWER: DocumentedAnswer = {
  description: 'The coupon is as If-None-Match says.',
  headers: ['etag', 'vary'],
};

const NEXT = claimsCursor(created.id, 1);

export const COUPON_LIST_ANSWER: DocumentedAnswer = {
  description: 'Coupons by name, in the order of code points, without claimed_by.',
  examples: { last: { summary: 'The last page', value: { data: [listed], next: null } } },
};

export const CLAIM_LIST_ANSWER: DocumentedAnswer = {
  description:
    'Claims, live and released, by sequence. With status, a page may have fewer than limit, or none, although there is a next one. ' +
    'As application/x-ndjson or text/csv (header Accept): all claims, without pages, read in ranges of 10,000. The last line is the count: ' +
    'where it is missing, the export was cut off. In CSV, an apostrophe precedes a cell that begins with =, +, - or @.',
  headers: ['vary'],
  examples: {
    page: { summary: 'A page, and there are more', value: { data: [claimed], next: NEXT } },
    last: { summary: 'The last page', value: { data: [claimed, { ...released, sequence: 2 }], next: null } },
  },
  texts: Object.fromEntries(
    Object.entries(EXPORT_FORMATS).map(([type, { head, toLine, toEnd }]) => [type, head + toLine(claimed) + toEnd(1)]),
  ),
};

export const USER_CLAIMS_ANSWER: DocumentedAnswer = {
  description:
    'The live claims of the user by coupon id, then the released ones by their end. A claim that is released between two pages ' +
    'may be listed in both.',
  examples: { last: { summary: 'The last page', value: { data: [claimed, released], next: null } } },
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
  description: 'The metrics of this process since its start, in Prometheus’ text format.',
  mediaType: 'text/plain',
  examples: { start: { value: 'flashclaim_claims_total{outcome="claimed"} 5' } },
};

/** The operations that may follow an answer, for the route's option `links`. */
export const TO_CLAIM = {
  claim: {
    operationId: 'getClaim',
    parameters: { claim_id: '$response.body#/claim_id' },
    description: 'The status of the claim.',
  },
};

export const TO_COUPON = {
  coupon: {
    operationId: 'getCoupon',
    parameters: { name: '$response.body#/name' },
    description: 'The current state of the coupon.',
  },
};
