import { Type } from '@sinclair/typebox';

/** The pattern of a list with a member for each rate limit. */
const listOf = (parameters: string): string => {
  const member = `"(address|user|wrong-token)";${parameters}`;
  return `^${member}(, ${member})*$`;
};

/** Every header that an answer may carry, as the document describes it. */
const ANSWER_HEADERS = {
  'x-request-id': Type.String({ description: 'The id of this request, as in problems and logs.' }),
  'cache-control': Type.String({
    description:
      'no-cache for a coupon: a cache may store it, and must ask before it is used again; private too in answers to admin. ' +
      'public and max-age where the deployment allows caches to answer with it. ' +
      'no-store otherwise.',
  }),
  'x-content-type-options': Type.String({ enum: ['nosniff'], description: 'The body is of the type that it says.' }),
  location: Type.String({ description: 'The address of the coupon or the claim.' }),
  etag: Type.String({
    description:
      'Weak. Send it as If-None-Match to get 304 while nothing has changed. In the answer to a PATCH it is that of the coupon without claimed_by.',
  }),
  link: Type.String({
    pattern: '^<[^>]+>; rel="next"$',
    description: 'The claims after those of claimed_by. Only where there are more.',
  }),
  allow: Type.String({ description: 'The methods that the address takes.' }),
  'retry-after': Type.Integer({ minimum: 0, description: 'Seconds to wait before the next attempt.' }),
  'www-authenticate': Type.String({ description: 'How to send the credentials.' }),
  vary: Type.String({
    description: 'Authorization: admin reads more than others. Accept: the answer has several formats.',
  }),
  'idempotency-replayed': Type.String({
    enum: ['true'],
    description: 'Another request with the same Idempotency-Key made this claim.',
  }),
  'preference-applied': Type.String({
    description: 'The preferences that were applied, also where the claim is refused.',
  }),
  'ratelimit-policy': Type.String({
    pattern: listOf('q=\\d+;w=\\d+'),
    description: 'For each limit that counted the request: `q` claims or wrong tokens in `w` seconds.',
  }),
  ratelimit: Type.String({
    pattern: listOf('r=\\d+;t=\\d+'),
    description: 'For each limit that counted the request: `r` remain, and the count starts again in `t` seconds.',
  }),
} as const;
export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** Where a limit is set, every answer to a counted claim carries these. */
export const RATE_LIMIT_HEADERS = ['ratelimit-policy', 'ratelimit'] as const;

/** The headers of every answer with this status. */
const OF_STATUS: Record<number, readonly AnswerHeader[]> = {
  201: ['location'],
  202: ['location', 'retry-after'],
  401: ['www-authenticate'],
  405: ['allow'],
  429: ['retry-after', ...RATE_LIMIT_HEADERS],
  503: ['retry-after'],
};

/** The headers of every answer. */
const OF_ALL = ['x-request-id', 'cache-control', 'x-content-type-options'] as const;

/** The headers of an answer: those of all answers, those of its status, and its own. */
export const headersOf = (status: number, own: readonly AnswerHeader[] = []) =>
  Object.fromEntries([...OF_ALL, ...(OF_STATUS[status] ?? []), ...own].map((name) => [name, ANSWER_HEADERS[name]]));
