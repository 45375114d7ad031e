import { Type } from '@sinclair/typebox';

/** Every header that an answer may carry, as the document describes it. */
const ANSWER_HEADERS = {
  'x-request-id': Type.String({ description: 'The id of this request, as in problems and in the logs.' }),
  location: Type.String({ description: 'Where to read what this is about.' }),
  etag: Type.String({ description: 'Weak. Send it as If-None-Match to be told 304 while nothing has changed.' }),
  allow: Type.String({ description: 'The methods that the address takes.' }),
  'retry-after': Type.Integer({ minimum: 0, description: 'Seconds to wait before the next try.' }),
  'www-authenticate': Type.String({ description: 'How to send the admin token.' }),
  'idempotency-replayed': Type.String({
    enum: ['true'],
    description: 'Another request with the same Idempotency-Key made this claim.',
  }),
  'preference-applied': Type.String({ description: 'What of Prefer was followed, also where the claim is refused.' }),
  'ratelimit-limit': Type.Integer({
    description: 'Claims of this address or user in a minute, by the tighter limit; where one is set.',
  }),
  'ratelimit-remaining': Type.Integer({ description: 'How many of them are left.' }),
  'ratelimit-reset': Type.Integer({ description: 'Seconds until they are counted anew.' }),
} as const;
export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** Where a limit is set, these stand in every answer to a claim that was counted. */
export const RATE_LIMIT_HEADERS = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'] as const;

/** The headers that go with a status, wherever it is answered. */
const OF_STATUS: Record<number, readonly AnswerHeader[]> = {
  201: ['location'],
  202: ['location', 'retry-after'],
  401: ['www-authenticate'],
  405: ['allow'],
  429: ['retry-after', ...RATE_LIMIT_HEADERS],
  503: ['retry-after'],
};

/** The headers of an answer: that of every answer, those of its status, and its own. */
export const headersOf = (status: number, own: readonly AnswerHeader[] = []) =>
  Object.fromEntries(
    (['x-request-id', ...(OF_STATUS[status] ?? []), ...own] as const).map((name) => [name, ANSWER_HEADERS[name]]),
  );
