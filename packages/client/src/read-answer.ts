import type { Problem } from './documents.ts';
import { type Fault, FlashclaimError } from './errors.ts';
import { retryAfterMs } from './retry-after.ts';
import type { Answer } from './send-request.ts';

/** Statuses with which a gateway answers instead of the API: it can't reach the API, or it limits requests. */
const GATEWAY_STATUSES: readonly number[] = [429, 502, 503, 504];

/**
 * Reads the document of an answer. The answer must have one of these statuses, and the document this field.
 * @throws FlashclaimError describing any other answer.
 */
export const readDocument = <T>(answer: Answer, statuses: readonly number[], field: keyof T): T => {
  const document = parse<T>(answer);
  if (!statuses.includes(answer.response.status) || document?.[field] === undefined)
    throw new FlashclaimError(readFault(answer));
  return document;
};

/** The fault of an answer that is not an expected document. */
export const readFault = (answer: Answer): Fault => {
  const { request, response } = answer;
  const { status, headers } = response;
  const problem = parse<Problem>(answer);
  const known = {
    status,
    requestId: problem?.request_id ?? headers.get('x-request-id') ?? undefined,
    retryAfterMs: retryAfterMs(headers),
  };
  const called = `${request.method} ${request.url}`;
  if (status >= 400 && typeof problem?.code === 'string')
    return {
      code: problem.code,
      message: problem.detail ?? problem.code,
      done: problem.done,
      reason: problem.reason,
      ...known,
    };
  if (GATEWAY_STATUSES.includes(status))
    return { code: 'no_answer', message: `${called} got ${status} from a gateway before the API.`, ...known };
  return {
    code: 'not_flashclaim',
    message: `${called} got ${describe(response)}, which is not an answer of Flashclaim. Check baseUrl.`,
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

/** A browser hides the status and the target of a redirect. */
const describe = ({ status, type, headers }: Response): string => {
  if (type === 'opaqueredirect' || (status >= 300 && status < 400))
    return `a redirect to ${headers.get('location') ?? 'another address'}`;
  return `${status} with ${headers.get('content-type') ?? 'no content type'}`;
};
