import { type Static, Type } from '@sinclair/typebox';
import type { Outcome } from './claim.ts';

/** Answers that are no outcome of a claim. */
type AnswerCode =
  | 'internal_error'
  | 'method_not_allowed'
  | 'name_taken'
  | 'not_found'
  | 'overloaded'
  | 'payload_too_large'
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
  payload_too_large: { status: 413, title: 'The body is too large', error: 'payload too large' },
  unsupported_media_type: { status: 415, title: 'The body is no JSON', error: 'unsupported media type' },
  overloaded: { status: 503, title: 'Too many claims are waiting', error: 'overloaded' },
  unavailable: { status: 503, title: 'A part of the system is away', error: 'unavailable' },
  internal_error: { status: 500, title: 'Something went wrong on our side', error: 'internal error' },
};

/** An error as callers see it: RFC 9457, media type `application/problem+json`. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String(),
    error: Type.String(),
    request_id: Type.String(),
  },
  { $id: 'Problem' },
);
export type Problem = Static<typeof ProblemSchema>;
