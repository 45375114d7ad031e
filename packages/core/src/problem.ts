import { type Static, Type } from '@sinclair/typebox';
import { ClosedReasonSchema, type Outcome } from './claim.ts';
import { OneOfSchema } from './one-of.ts';

/** Codes of errors that are not outcomes of a claim. */
type AnswerCode =
  | 'amount_below_claimed'
  | 'claim_pending'
  | 'headers_too_large'
  | 'host_not_allowed'
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
  | 'unsupported_media_type'
  | 'user_mismatch'
  | 'version_conflict';

/** Every code of an error. An outcome that `PROBLEMS` lacks does not compile. */
export type ProblemCode = Exclude<Outcome, 'claimed' | 'replayed'> | AnswerCode;

/** The errors of the API. `error` is the text of the original API where it had one, and must not change. */
export const PROBLEMS: Record<ProblemCode, { status: number; title: string; error: string }> = {
  invalid_request: { status: 400, title: 'The request is not valid', error: 'invalid request' },
  idempotency_key_reused: {
    status: 422,
    title: 'The idempotency key belongs to another claim',
    error: 'idempotency key reused',
  },
  coupon_not_found: { status: 404, title: 'The coupon does not exist', error: 'coupon not found' },
  already_claimed: {
    status: 409,
    title: 'The user already has a unit of this coupon',
    error: 'coupon already claimed by this user',
  },
  claim_released: { status: 409, title: 'The claim was released', error: 'claim released' },
  sale_not_open: { status: 403, title: 'The coupon accepts no claims now', error: 'sale not open' },
  out_of_stock: { status: 400, title: 'The coupon is out of stock', error: 'no stock available' },
  name_taken: { status: 409, title: 'A coupon with this name already exists', error: 'coupon already exists' },
  claim_pending: { status: 409, title: 'The claim is not decided yet', error: 'claim pending' },
  amount_below_claimed: {
    status: 409,
    title: 'More units are claimed than the new amount',
    error: 'amount below claimed units',
  },
  version_conflict: { status: 409, title: 'The coupon has another version', error: 'version conflict' },
  not_found: { status: 404, title: 'The resource does not exist', error: 'not found' },
  method_not_allowed: { status: 405, title: 'The address does not support this method', error: 'method not allowed' },
  unauthorized: { status: 401, title: 'The credentials are missing or wrong', error: 'unauthorized' },
  user_mismatch: {
    status: 403,
    title: 'The token belongs to another user',
    error: 'user_id does not match the token',
  },
  host_not_allowed: {
    status: 403,
    title: 'Admin calls are not open under this host name',
    error: 'host not allowed',
  },
  request_timeout: { status: 408, title: 'The request did not arrive in time', error: 'request timeout' },
  payload_too_large: { status: 413, title: 'The request body is too large', error: 'payload too large' },
  unsupported_media_type: {
    status: 415,
    title: 'The media type of the request body is not supported',
    error: 'unsupported media type',
  },
  rate_limited: { status: 429, title: 'The rate limit is exceeded', error: 'rate limited' },
  headers_too_large: { status: 431, title: 'The request headers are too large', error: 'headers too large' },
  overloaded: { status: 503, title: 'The service is overloaded', error: 'overloaded' },
  unavailable: { status: 503, title: 'The service is unavailable', error: 'unavailable' },
  internal_error: { status: 500, title: 'An internal error occurred', error: 'internal error' },
};

/** A fault of a request, and its place: one of `pointer`, `parameter` and `header`. A fault of the whole request has none. */
const RequestFaultSchema = Type.Object({
  pointer: Type.Optional(
    Type.String({ description: 'A place in the body, as a JSON pointer: #/user_id, or # for the body itself.' }),
  ),
  parameter: Type.Optional(Type.String({ description: 'A parameter of the path or the query.' })),
  header: Type.Optional(Type.String({ description: 'A header of the request.' })),
  detail: Type.String({ description: 'What is wrong there.' }),
});
export type RequestFault = Static<typeof RequestFaultSchema>;

/** Faults that an answer lists. A body may have thousands. */
export const FAULTS_LISTED_MAX = 16;

/** The body of an error: RFC 9457, media type `application/problem+json`. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'The address of a page that explains the code: /problems/{code}.' }),
    title: Type.String({
      description: 'The same for every occurrence of the code; not_found says what does not exist.',
    }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What is wrong with this request, and what to do about it.' }),
    code: OneOfSchema(Object.keys(PROBLEMS) as ProblemCode[], { description: 'Stable, for programs.' }),
    error: Type.String({ description: 'Stable: one text for each code.' }),
    request_id: Type.String({ description: 'As in the header x-request-id and in the logs.' }),
    errors: Type.Optional(
      Type.Array(RequestFaultSchema, {
        minItems: 1,
        maxItems: FAULTS_LISTED_MAX,
        description: `With invalid_request only: every fault, ${FAULTS_LISTED_MAX} at most. The first is the one of detail.`,
      }),
    ),
    done: Type.Optional(
      OneOfSchema(['nothing', 'unknown'], {
        description:
          'With status 503 only. nothing: nothing was or will be done. unknown: it may have been done or not.',
      }),
    ),
    reason: Type.Optional(ClosedReasonSchema),
    claim_id: Type.Optional(
      Type.String({ description: 'Where the outcome of the claim is not known: read its status by this id.' }),
    ),
  },
  { $id: 'Problem', description: 'An error, in the format of RFC 9457.' },
);
export type Problem = Static<typeof ProblemSchema>;
