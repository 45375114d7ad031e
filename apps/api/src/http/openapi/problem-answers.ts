import { PROBLEMS, type Problem, type ProblemCode } from '@flashclaim/core';
import { newProblem } from '../problem.ts';
import { type AnswerHeader, headersOf } from './headers.ts';

/** What `detail` may say, for the example of each code. */
const DETAILS: Record<ProblemCode, string> = {
  invalid_request: 'coupon_name is missing.',
  idempotency_key_reused: 'This Idempotency-Key was used for another user or coupon. Use a new key for a new claim.',
  coupon_not_found: 'No coupon has this name. Names are case-sensitive.',
  already_claimed: 'Each user can claim one unit of a coupon, and this user holds theirs.',
  out_of_stock: 'Every unit of this coupon is claimed.',
  name_taken: 'Choose another name; the coupon of this name was left as it is.',
  not_found: 'No claim that stands or is under way has this id.',
  method_not_allowed: 'This address does not take PUT, but GET, HEAD.',
  unauthorized: 'Send Authorization: Bearer with the admin token.',
  request_timeout: 'Send the request faster.',
  payload_too_large: 'The body may have 16384 bytes at most.',
  unsupported_media_type: 'Send the body as JSON, with Content-Type: application/json.',
  rate_limited: 'More than 600 claims of this address in 60 s. Try again when they are over.',
  headers_too_large: 'Send fewer or shorter headers, or a shorter address.',
  overloaded: 'The request was not admitted: nothing was done, and nothing will be. Try again shortly.',
  unavailable: 'A store does not answer. Try again shortly.',
  internal_error: 'Report the request id to whoever runs this service.',
};

const exampleOf = (code: ProblemCode): Problem => newProblem(code, DETAILS[code], '3f9c1a7b20-5k');

/** A problem that has one of these codes. */
const schemaOf = (codes: readonly ProblemCode[]) => ({
  allOf: [
    { $ref: '#/components/schemas/Problem' },
    {
      type: 'object',
      required: ['status', 'code', 'error'],
      properties: {
        status: { const: PROBLEMS[codes[0] as ProblemCode].status },
        code: { enum: codes },
        error: { enum: codes.map((code) => PROBLEMS[code].error) },
      },
    },
  ],
});

/**
 * The answers, by status, of a call that may end in these problems: each with its codes and an example of each. Of `own`, an
 * answer has the headers that one of its codes may bear.
 */
export const problemAnswers = (
  codes: readonly ProblemCode[],
  own: Partial<Record<AnswerHeader, readonly ProblemCode[]>>,
): Record<string, object> => {
  const ownHeaders = Object.entries(own) as [AnswerHeader, readonly ProblemCode[]][];
  const headersOfAny = (group: readonly ProblemCode[]) =>
    ownHeaders.filter(([, bearers]) => group.some((code) => bearers.includes(code))).map(([name]) => name);
  // In the order of the dictionary, which is that of precedence.
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
