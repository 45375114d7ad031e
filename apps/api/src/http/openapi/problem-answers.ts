import { PROBLEMS, type Problem, type ProblemCode } from '@flashclaim/core';
import {
  CLAIM_NOT_FOUND,
  HOST_NOT_ALLOWED,
  NO_SUCH_CLAIM,
  NO_SUCH_COUPON,
  newProblem,
  type ProblemMembers,
} from '../problem.ts';
import { type AnswerHeader, headersOf } from './headers.ts';

/** The `detail` in the example of each code. */
const DETAILS: Record<ProblemCode, string> = {
  invalid_request: 'coupon_name is missing.',
  idempotency_key_reused:
    'This Idempotency-Key belongs to a claim of this user on another coupon. Send a new claim with a new key.',
  coupon_not_found: NO_SUCH_COUPON,
  already_claimed: 'Each user can claim one unit of a coupon, and this user holds one already.',
  claim_released: 'The claim of this Idempotency-Key was released. Send a new claim with a new key.',
  sale_not_open: 'The sale of this coupon has not started.',
  claim_pending: 'The claim is not decided yet. Release it once it is.',
  out_of_stock: 'All units of this coupon are claimed.',
  name_taken: 'Choose another name. The existing coupon was not changed.',
  amount_below_claimed: "42 units are claimed: amount can't be less.",
  version_conflict: 'The coupon has version 2. Read it, and decide again.',
  not_found: NO_SUCH_CLAIM,
  method_not_allowed: 'There is no PUT /health. The address takes GET, HEAD.',
  unauthorized: 'Send Authorization: Bearer with the admin token.',
  user_mismatch: 'Leave user_id out, or send the sub of the token.',
  host_not_allowed: HOST_NOT_ALLOWED,
  request_timeout: 'The request took too long to arrive. Send it faster.',
  payload_too_large: 'The body may have 16384 bytes at most.',
  unsupported_media_type: 'Send the body as JSON, with Content-Type: application/json.',
  rate_limited: 'More than 600 claims of this address in 60 s. Try again after Retry-After seconds.',
  headers_too_large:
    'The address and the headers are too long together. Send fewer or shorter headers, or a shorter address.',
  overloaded: 'The request was not admitted: nothing was done, and nothing will be. Try again shortly.',
  unavailable: 'A store does not answer. Nothing was done. Try again shortly.',
  internal_error: 'Report the request id to the operator of this service.',
};

const MEMBERS: Partial<Record<ProblemCode, ProblemMembers>> = {
  invalid_request: { errors: [{ pointer: '#/coupon_name', detail: DETAILS.invalid_request }] },
  not_found: CLAIM_NOT_FOUND,
  sale_not_open: { reason: 'not_started' },
};

const exampleOf = (code: ProblemCode): Problem => newProblem(code, DETAILS[code], '3f9c1a7b20-5k', MEMBERS[code]);

/** The schema of a problem with one of these codes. */
const schemaOf = (codes: readonly ProblemCode[]) => {
  const { status } = PROBLEMS[codes[0] as ProblemCode];
  return {
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      {
        type: 'object',
        required: ['status', 'code', 'error', ...(status === 503 ? ['done'] : [])],
        properties: {
          status: { const: status },
          code: { enum: codes },
          error: { enum: codes.map((code) => PROBLEMS[code].error) },
          ...(status === 503 && { done: {} }),
        },
      },
    ],
  };
};

/**
 * The answers, by status, of a call that may end in these problems: each with its codes and an example of each code. An
 * answer has those headers of `own` that a problem of its codes may carry.
 */
export const problemAnswers = (
  codes: readonly ProblemCode[],
  own: Partial<Record<AnswerHeader, readonly ProblemCode[]>>,
): Record<string, object> => {
  const ownHeaders = Object.entries(own) as [AnswerHeader, readonly ProblemCode[]][];
  const headersOfAny = (group: readonly ProblemCode[]) =>
    ownHeaders.filter(([, carriers]) => group.some((code) => carriers.includes(code))).map(([name]) => name);
  // In the order of PROBLEMS, which is the order of precedence.
  const inOrder = (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => codes.includes(code));
  const byStatus = Map.groupBy(inOrder, (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
        headers: headersOf(status, headersOfAny(group)),
        content: {
          'application/problem+json': {
            schema: schemaOf(group),
            examples: Object.fromEntries(
              group.map((code) => [code, { summary: PROBLEMS[code].title, value: exampleOf(code) }]),
            ),
          },
        },
      },
    ]),
  );
};
