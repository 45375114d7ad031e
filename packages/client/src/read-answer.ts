import type { Answer } from './ask.ts';
import type { Problem } from './documents.ts';
import { type Fault, FlashclaimError } from './errors.ts';
import { retryAfterMs } from './retry-after.ts';

/** What a gateway says in the place of an API that it can't reach or is told to protect. */
const GATEWAY_STATUSES: readonly number[] = [429, 502, 503, 504];

/**
 * The document of an answer that has one of these statuses, which must hold this field.
 * @throws FlashclaimError what else was answered.
 */
export const readDocument = <T>(answer: Answer, statuses: readonly number[], field: keyof T): T => {
  const document = parse<T>(answer);
  if (!statuses.includes(answer.response.status) || document?.[field] === undefined)
    throw new FlashclaimError(readFault(answer));
  return document;
};

/** What an answer says that is none of those that were hoped for. */
export const readFault = (answer: Answer): Fault => {
  const { question, response } = answer;
  const { status, headers } = response;
  const problem = parse<Problem>(answer);
  const known = {
    status,
    requestId: problem?.request_id ?? headers.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfterMs(headers),
  };
  const called = `${question.method} ${question.url}`;
  if (status >= 400 && typeof problem?.code === 'string')
    return { code: problem.code, message: problem.detail ?? problem.code, ...known };
  if (GATEWAY_STATUSES.includes(status))
    return { code: 'no_answer', message: `${called} got ${status} from something before the API.`, ...known };
  return {
    code: 'not_flashclaim',
    message: `${called} got ${describe(response)}, which no Flashclaim API answers. Look at baseUrl.`,
    ...known,
  };
};

const parse = <T>({ response, text }: Answer): (Partial<T> & T) | undefined => {
  if (!/^application\/([\w.-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '')) return undefined;
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
};

/** A browser tells nothing of a redirect but that it was one. */
const describe = ({ status, type, headers }: Response): string => {
  if (type === 'opaqueredirect' || (status >= 300 && status < 400))
    return `a redirect to ${headers.get('location') ?? 'somewhere else'}`;
  return `${status} with ${headers.get('content-type') ?? 'no content type'}`;
};
