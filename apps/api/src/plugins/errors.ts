import {
  BODY_MAX_BYTES,
  COUPON_NAME_RULE,
  IDEMPOTENCY_KEY_RULE,
  NAME_RULE,
  type ProblemCode,
  URL_PARAMETER_MAX_CHARS,
} from '@flashclaim/core';
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify';
import fp from 'fastify-plugin';
import { MongoError, MongoServerError } from 'mongodb';
import { ProblemError, sendProblem } from '../http/problem.ts';

/** Answers every error as a problem: a ProblemError as it is, Fastify's by their code, a store that is down as `unavailable`. */
export const errors = fp(
  async (app) => {
    app.setErrorHandler<FastifyError>(handleError);
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('x-request-id', request.id);
      const { host } = request.raw.headers;
      // HTTP/1.1 requires one (RFC 9112, 3.2). Node joins two by a comma.
      if (host === undefined ? request.raw.httpVersion === '1.1' : host.includes(','))
        done(new ProblemError('invalid_request', 'Send the header Host exactly once.'));
      else done();
    });
    // Ignores every `Expect` but 100-continue, as RFC 9110, 10.1.1 allows.
    app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  },
  { name: 'errors' },
);

/** Also Fastify's `frameworkErrors`, for requests that fail before their route is found. */
export const handleError = (error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const { code, detail } = explain(error);
  if (code === 'internal_error')
    request.log.error({ err: error, request_id: request.id }, 'a request failed because of a defect');
  // A ProblemError needs no line: the store watch has logged once that its store is down.
  else if (code === 'unavailable' && !(error instanceof ProblemError))
    request.log.warn({ error: error.message, request_id: request.id }, 'a request failed because a store is down');
  return sendProblem(reply, code, detail);
};

const UNAVAILABLE = { code: 'unavailable', detail: 'A store does not answer. Try again shortly.' } as const;

const FASTIFY_ERRORS: Record<string, { code: ProblemCode; detail: string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'payload_too_large',
    detail: `The body may have ${BODY_MAX_BYTES} bytes at most.`,
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    detail: 'Send the body as JSON, with Content-Type: application/json.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'invalid_request', detail: 'The body is empty. Send it as JSON.' },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    code: 'invalid_request',
    detail: 'The body is not valid JSON, or contains the key __proto__ or constructor.prototype, which is not allowed.',
  },
  FST_ERR_BAD_URL: { code: 'invalid_request', detail: 'The address is not percent-encoded correctly.' },
  FST_ERR_MAX_PARAM_LENGTH: {
    code: 'invalid_request',
    detail: `The name in the address is longer than ${URL_PARAMETER_MAX_CHARS} encoded characters.`,
  },
  FST_ERR_HANDLER_TIMEOUT: UNAVAILABLE,
};

const explain = (error: Error & Partial<FastifyError>): { code: ProblemCode; detail: string } => {
  if (error instanceof ProblemError) return { code: error.code, detail: error.message };
  if (error.validation)
    return { code: 'invalid_request', detail: sentence(error.validation[0], error.validationContext) };
  const known = FASTIFY_ERRORS[error.code ?? ''];
  if (known) return known;
  if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500)
    return { code: 'invalid_request', detail: `${error.message}.` };
  if (isStoreDown(error)) return UNAVAILABLE;
  return { code: 'internal_error', detail: 'Report the request id to the operator of this service.' };
};

const MAX_TIME_EXPIRED = 50;

/** Errors of the driver itself: no connection, no primary, no answer in time. Or errors of a server that changes its role. */
const isStoreDown = (error: Error): boolean =>
  error instanceof MongoError &&
  (!(error instanceof MongoServerError) ||
    error.hasErrorLabel('RetryableWriteError') ||
    error.hasErrorLabel('TransientTransactionError') ||
    error.code === MAX_TIME_EXPIRED);

/** One sentence that names the field. */
const sentence = (fault: FastifySchemaValidationError | undefined, context = 'body'): string => {
  if (!fault) return 'The request does not match its schema.';
  const path = fault.instancePath.slice(1).replaceAll('/', '.');
  const field = path || `the ${context}`;
  if (fault.keyword === 'required') return `${fault.params['missingProperty']} is missing.`;
  if (path === 'idempotency-key') return `Idempotency-Key must be ${IDEMPOTENCY_KEY_RULE}.`;
  if (fault.params['format'] === 'name') return `${field} must be ${NAME_RULE}.`;
  if (fault.params['format'] === 'coupon-name') return `${field} must be ${COUPON_NAME_RULE}.`;
  if (fault.keyword === 'not') return `${(fault as { propertyName?: string }).propertyName} is not an allowed field.`;
  if (fault.keyword === 'type') return `${field} must be of type ${fault.params['type']}.`;
  return `${field} ${fault.message}.`;
};
