import { BODY_MAX_BYTES, type ProblemCode, URL_PARAMETER_MAX_CHARS } from '@flashclaim/core';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { setCommonHeaders } from '../http/common-headers.ts';
import { BAD_ADDRESS, invalidRequest, ProblemError, type ProblemMembers, sendProblem } from '../http/problem.ts';
import { faultsOf } from '../http/request-faults.ts';
import { isStoreDown } from '../stores/is-store-down.ts';
import { StoreDownError } from '../stores/store-watch.ts';

/** Answers every error as a problem: a ProblemError as it is, Fastify's by their code, a store that is down as `unavailable`. */
export const errors = fp(
  async (app) => {
    app.setErrorHandler<FastifyError>(handleError);
    app.addHook('onRequest', (request, reply, done) => {
      setCommonHeaders(reply);
      const { host } = request.raw.headers;
      // HTTP/1.1 requires one (RFC 9112, 3.2). Node joins two by a comma.
      if (host === undefined ? request.raw.httpVersion === '1.1' : host.includes(','))
        done(invalidRequest('Send the header Host exactly once.', { header: 'host' }));
      else done();
    });
    // Ignores every `Expect` but 100-continue, as RFC 9110, 10.1.1 allows.
    app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  },
  { name: 'errors' },
);

/** Also Fastify's `frameworkErrors`, for requests that fail before their route is found. */
export const handleError = (error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const { code, detail, members } = explain(error, request);
  if (code === 'internal_error')
    request.log.error({ err: error, request_id: request.id }, 'a request failed because of a defect');
  // A ProblemError needs no line: the store watch has logged once that its store is down.
  else if (code === 'unavailable' && !(error instanceof ProblemError))
    request.log.warn({ error: error.message, request_id: request.id }, 'a request failed because a store is down');
  return sendProblem(reply, code, detail, members);
};

interface Explanation {
  code: ProblemCode;
  detail: string;
  members?: ProblemMembers | undefined;
}

const invalidBody = (detail: string): Explanation => ({
  code: 'invalid_request',
  detail,
  members: { errors: [{ pointer: '#', detail }] },
});

const FASTIFY_ERRORS: Record<string, Explanation> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'payload_too_large',
    detail: `The body may have ${BODY_MAX_BYTES} bytes at most.`,
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    detail: 'Send the body as JSON, with Content-Type: application/json.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: invalidBody('The body is empty. Send it as JSON.'),
  FST_ERR_CTP_INVALID_JSON_BODY: invalidBody(
    'The body is not valid JSON, or contains the key __proto__ or constructor.prototype, which is not allowed.',
  ),
  FST_ERR_BAD_URL: { code: 'invalid_request', detail: BAD_ADDRESS },
};

/** The path parameter after each of these, for the one error of which the router names neither route nor parameter. */
const PARAMETERS: Record<string, string> = { claims: 'claim_id', coupons: 'name', users: 'user_id' };

const tooLongParameter = ({ url }: FastifyRequest): Explanation => {
  const [, list = ''] = /^(?:https?:\/\/[^/]*)?\/api\/(\w+)\//i.exec(url) ?? [];
  const parameter = PARAMETERS[list];
  const detail = `${parameter ?? 'A name in the address'} is longer than ${URL_PARAMETER_MAX_CHARS} encoded characters.`;
  return { code: 'invalid_request', detail, members: parameter ? { errors: [{ parameter, detail }] } : undefined };
};

const explain = (error: Error & Partial<FastifyError>, request: FastifyRequest): Explanation => {
  if (error instanceof StoreDownError) return unavailable(error.store, error.asked, request);
  if (error instanceof ProblemError) return { code: error.code, detail: error.message, members: error.members };
  if (error.validation) {
    const errors = faultsOf(request, error.validation, error.validationContext);
    return { code: 'invalid_request', detail: errors[0]?.detail ?? '', members: { errors } };
  }
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH') return tooLongParameter(request);
  const known = FASTIFY_ERRORS[error.code ?? ''];
  if (known) return known;
  if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500)
    return { code: 'invalid_request', detail: `${error.message}.` };
  if (isStoreDown(error) || error.code === 'FST_ERR_HANDLER_TIMEOUT') return unavailable('A store', true, request);
  return { code: 'internal_error', detail: 'Report the request id to the operator of this service.' };
};

/** @param asked whether the store received the request, and may have carried it out. A read changes nothing. */
const unavailable = (store: string, asked: boolean, { method }: FastifyRequest): Explanation => {
  const done = asked && method !== 'GET' && method !== 'HEAD' ? 'unknown' : 'nothing';
  const detail = `${store} does not answer. ${done === 'unknown' ? mayBeDone(method) : 'Nothing was done.'} Try again shortly.`;
  return { code: 'unavailable', detail, members: { done } };
};

const mayBeDone = (method: string): string =>
  method === 'PATCH'
    ? 'The change may be made or not. The same PATCH can be repeated: with version, version_conflict may mean that it was made.'
    : 'The request may be carried out or not.';
