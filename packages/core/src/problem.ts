import { type Static, Type } from '@sinclair/typebox';
import type { Outcome } from './claim.ts';
import { OneOfSchema } from './one-of.ts';

/** Answers that are no outcome of a claim. */
type AnswerCode =
  | 'headers_too_large'
  | 'internal_error'
  | 'method_not_allowed'
  | 'name_taken'
  | 'not_found'
  | 'overloaded'
  | 'payload_too_large'
  | 'rate_limited'
  | 'request_timeout'
  | 'unauthorized'
  | 'unavailable'
  | 'unsupported_media_type';

/** Every code that an error can carry. An outcome without an entry below does not compile. */
export type ProblemCode = Exclude<Outcome, 'claimed' | 'replayed'> | AnswerCode;

/** `error` is the plain sentence of the original API where it had one; `title` says the same for every occurrence. */
export const PROBLEMS: Record<ProblemCode, { status: number; title: string; error: string }> = {
  invalid_request: { status: 400, title: 'The request is not as documented', error: 'invalid request' },
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key belongs to another claim',
    error: 'idempotency key reused',
  },
  coupon_not_found: { status: 404, title: 'There is no such coupon', error: 'coupon not found' },
  already_claimed: {
    status: 409,
    title: 'The user holds a unit of this coupon already',
    error: 'coupon already claimed by this user',
  },
  out_of_stock: { status: 400, title: 'No unit of the coupon remains', error: 'no stock available' },
  name_taken: { status: 409, title: 'A coupon of this name exists already', error: 'coupon already exists' },
  not_found: { status: 404, title: 'There is nothing at this address', error: 'not found' },
  method_not_allowed: { status: 405, title: 'The address does not take this method', error: 'method not allowed' },
  unauthorized: { status: 401, title: 'The call needs the admin token', error: 'unauthorized' },
  request_timeout: { status: 408, title: 'The request did not arrive in time', error: 'request timeout' },
  payload_too_large: { status: 413, title: 'The body is too large', error: 'payload too large' },
  unsupported_media_type: { status: 415, title: 'The body is no JSON', error: 'unsupported media type' },
  rate_limited: { status: 429, title: 'Too many claims in a short time', error: 'rate limited' },
  headers_too_large: { status: 431, title: 'The headers are too large', error: 'headers too large' },
  overloaded: { status: 503, title: 'Too many claims are waiting', error: 'overloaded' },
  unavailable: { status: 503, title: 'A part of the system is away', error: 'unavailable' },
  internal_error: { status: 500, title: 'Something went wrong on our side', error: 'internal error' },
};

/** An error as callers see it: RFC 9457, media type `application/problem+json`. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'A URN that ends in the code.' }),
    title: Type.String({ description: 'The same for every occurrence of the code.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What is wrong with this very request, and what to do about it.' }),
    code: OneOfSchema(Object.keys(PROBLEMS) as ProblemCode[], { description: 'Stable: for programs to decide by.' }),
    error: Type.String({ description: 'Stable: one plain sentence for each code.' }),
    request_id: Type.String({ description: 'As in the header x-request-id and in the logs.' }),
    claim_id: Type.Optional(
      Type.String({ description: 'Where it is not known what became of the claim: ask for it by this id.' }),
    ),
  },
  { $id: 'Problem', description: 'An error, as RFC 9457 has it.' },
);
export type Problem = Static<typeof ProblemSchema>;
