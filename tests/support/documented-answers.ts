import { PROBLEMS } from '@flashclaim/core';

/** The contract, written by hand: each answer of each operation, with its problem code and its headers. */
const ANSWERS: Record<string, string[]> = {
  createCoupon: [
    '201 location etag vary cache-control',
    '400 invalid_request',
    '401 unauthorized www-authenticate',
    '403 host_not_allowed',
    '409 name_taken',
    '413 payload_too_large',
    '415 unsupported_media_type',
    '429 rate_limited retry-after ratelimit-policy ratelimit',
    '503 unavailable retry-after',
  ],
  changeCoupon: [
    '200 etag vary cache-control',
    '400 invalid_request',
    '401 unauthorized www-authenticate',
    '403 host_not_allowed',
    '404 coupon_not_found',
    '409 amount_below_claimed',
    '409 version_conflict',
    '413 payload_too_large',
    '415 unsupported_media_type',
    '429 rate_limited retry-after ratelimit-policy ratelimit',
    '503 unavailable retry-after',
  ],
  claimCoupon: [
    '200 preference-applied cache-control',
    '200 idempotency-replayed',
    '200 ratelimit-policy ratelimit',
    '202 location retry-after preference-applied cache-control',
    '400 invalid_request',
    '400 out_of_stock',
    '401 unauthorized www-authenticate',
    '403 sale_not_open preference-applied',
    '403 user_mismatch',
    '404 coupon_not_found',
    '409 already_claimed preference-applied',
    '409 claim_released preference-applied',
    '413 payload_too_large',
    '415 unsupported_media_type',
    '422 idempotency_key_reused',
    '429 rate_limited retry-after ratelimit-policy ratelimit',
    '503 overloaded retry-after',
    '503 unavailable retry-after',
  ],
  getClaim: [
    '200 cache-control',
    '400 invalid_request',
    '401 unauthorized www-authenticate',
    '404 not_found',
    '503 overloaded retry-after',
    '503 unavailable retry-after',
  ],
  releaseClaim: [
    '200 cache-control',
    '202 location retry-after cache-control',
    '400 invalid_request',
    '401 unauthorized www-authenticate',
    '403 host_not_allowed',
    '404 not_found',
    '409 claim_pending retry-after',
    '413 payload_too_large',
    '415 unsupported_media_type',
    '429 rate_limited retry-after ratelimit-policy ratelimit',
    '503 overloaded retry-after',
    '503 unavailable retry-after',
  ],
  getCoupon: [
    '200 etag vary cache-control',
    '200 link',
    '304 etag vary cache-control',
    '400 invalid_request',
    '404 coupon_not_found',
    '503 unavailable retry-after',
  ],
  listCoupons: [
    '200 cache-control',
    '400 invalid_request',
    '401 unauthorized www-authenticate',
    '403 host_not_allowed',
    '429 rate_limited retry-after ratelimit-policy ratelimit',
    '503 unavailable retry-after',
  ],
  listCouponClaims: [
    '200 vary cache-control',
    '400 invalid_request',
    '401 unauthorized www-authenticate',
    '403 host_not_allowed',
    '404 coupon_not_found',
    '429 rate_limited retry-after ratelimit-policy ratelimit',
    '503 overloaded retry-after',
    '503 unavailable retry-after',
  ],
  listUserClaims: [
    '200 cache-control',
    '400 invalid_request',
    '401 unauthorized www-authenticate',
    '403 host_not_allowed',
    '429 rate_limited retry-after ratelimit-policy ratelimit',
    '503 unavailable retry-after',
  ],
  getHealth: ['200', '503 unavailable retry-after'],
  getLiveness: ['200'],
  getReadiness: ['200', '503 unavailable retry-after'],
  getMetrics: ['200', '401 unauthorized www-authenticate', '429 rate_limited retry-after ratelimit-policy ratelimit'],
  getOpenapi: ['200'],
  anyCall: [
    '204 allow',
    '404 not_found',
    '405 method_not_allowed allow',
    '408 request_timeout',
    '431 headers_too_large',
  ],
};

/** A documented answer, and the headers that a test of it must check. */
export interface DocumentedAnswer {
  answer: string;
  headers: string[];
}

const toDocumentedAnswer = (operationId: string, [status, ...words]: string[]): DocumentedAnswer => {
  const codes = words.filter((word) => word in PROBLEMS);
  return { answer: [operationId, status, ...codes].join(' '), headers: words.filter((word) => !codes.includes(word)) };
};

export const DOCUMENTED_ANSWERS: DocumentedAnswer[] = Object.entries(ANSWERS).flatMap(([operationId, answers]) =>
  answers.map((answer) => toDocumentedAnswer(operationId, answer.split(' '))),
);
