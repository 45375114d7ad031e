import { Type } from '@sinclair/typebox';

/** Every header that an answer may carry, as the document describes it. */
const ANSWER_HEADERS = {
  'x-request-id': Type.String({ description: 'The id of this request, as in problems and logs.' }),
  location: Type.String({ description: 'The address of the coupon or the claim.' }),
  etag: Type.String({ description: 'Weak. Send it as If-None-Match to get 304 while nothing has changed.' }),
  allow: Type.String({ description: 'The methods that the address takes.' }),
  'retry-after': Type.Integer({ minimum: 0, description: 'Seconds to wait before the next attempt.' }),
  'www-authenticate': Type.String({ description: 'How to send the credentials.' }),
  vary: Type.String({ description: 'Authorization: admin reads more than others.' }),
  'cache-control': Type.String({ description: 'private: the answer to an admin.' }),
  'idempotency-replayed': Type.String({
    enum: ['true'],
    description: 'Another request with the same Idempotency-Key made this claim.',
  }),
  'preference-applied': Type.String({
    description: 'The preferences that were applied, also where the claim is refused.',
  }),
  'ratelimit-limit': Type.Integer({
    description:
      'Claims that this address or user may make in a minute, by the tighter limit. Only where a limit is set.',
  }),
  'ratelimit-remaining': Type.Integer({ description: 'How many of them remain.' }),
  'ratelimit-reset': Type.Integer({ description: 'Seconds until the count starts again.' }),
} as const;
export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** Where a limit is set, every answer to a counted claim carries these. */
export const RATE_LIMIT_HEADERS = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'] as const;

/** The headers of every answer with this status. */
const OF_STATUS: Record<number, readonly AnswerHeader[]> = {
  201: ['location'],
  202: ['location', 'retry-after'],
  401: ['www-authenticate'],
  405: ['allow'],
  429: ['retry-after', ...RATE_LIMIT_HEADERS],
  503: ['retry-after'],
};

/** The headers of an answer: the one of all answers, those of its status, and its own. */
export const headersOf = (status: number, own: readonly AnswerHeader[] = []) =>
  Object.fromEntries(
    (['x-request-id', ...(OF_STATUS[status] ?? []), ...own] as const).map((name) => [name, ANSWER_HEADERS[name]]),
  );
