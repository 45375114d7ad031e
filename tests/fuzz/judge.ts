import { BODY_MAX_BYTES, type ProblemCode } from '@flashclaim/core';
import type { Reply } from '../support/call-api.ts';
import type { Contract, Operation, Parameter } from '../support/openapi.ts';
import type { FuzzRequest } from './request.ts';
import { addressOf } from './send.ts';

/** Cursors that the API has given, and the list of each: its address, and the prefix of its names. */
export type Cursors = ReadonlyMap<string, string>;

/** Describes what is wrong with the answer to a request; empty if nothing is. */
export const judge = (contract: Contract, request: FuzzRequest, reply: Reply, cursors: Cursors): string[] => {
  const faults = [...generalFaults(contract, reply)];
  if (request.operationId === undefined) return faults;
  faults.push(...contract.faultsOf(request.operationId, reply));
  const { code } = (reply.body ?? {}) as { code?: ProblemCode };
  const rejection = rejectionOf(contract, request) ?? pageRejectionOf(request, cursors);
  // During an outage, callers get no other code.
  if (reply.status === 503) return faults;
  if (!mayCall(contract, request.operationId, request))
    return REFUSALS.includes(code) ? faults : [...faults, 'its credentials were accepted, although they are wrong'];
  if (code === 'unauthorized') faults.push('its credentials were refused, although they are right');
  // Who may create coupons is admin.
  if (reply.body?.claimed_by && !mayCall(contract, 'createCoupon', request)) faults.push('it lists users');
  if (rejection && code !== rejection.code && code !== rejection.orCode)
    faults.push(`it was not rejected as ${rejection.code}, although ${rejection.why}`);
  if (!rejection && code && REJECTIONS.includes(code) && !isOfTimes(reply))
    faults.push('it was rejected, although it is valid');
  return faults;
};

/** The codes for wrong credentials: too many of them are answered 429. */
const REFUSALS: readonly (ProblemCode | undefined)[] = ['unauthorized', 'rate_limited'];

/** Whether the document accepts the credentials of a request for an operation. */
const mayCall = (contract: Contract, operationId: string, { credential }: FuzzRequest): boolean =>
  (contract.operation(operationId).security ?? [{}]).some((scheme) =>
    Object.keys(scheme).every((name) => credential.schemes.includes(name)),
  );

/** The codes for an invalid request. */
const REJECTIONS: readonly ProblemCode[] = ['invalid_request', 'payload_too_large', 'unsupported_media_type'];

/** Whether a coupon would end before it starts. The document can't say which of two times must be later. */
const isOfTimes = ({ body }: Reply): boolean =>
  ['ends_at must be later than starts_at.', 'starts_at must be earlier than ends_at.'].includes(body.detail);

interface Rejection {
  code: ProblemCode;
  why: string;
  /** Another code that is right. */
  orCode?: ProblemCode;
}

/** Checks that apply to every answer. */
const generalFaults = function* (contract: Contract, { status, headers, body }: Reply): Generator<string> {
  if (headers.get('x-content-type-options') !== 'nosniff') yield 'no nosniff';
  if (status >= 500 && status !== 503) yield `status ${status}`;
  if (!headers.get('x-request-id')) yield 'no x-request-id';
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json');
  if (status >= 400 && !isProblem) yield `status ${status} without a problem`;
  // The answer to HEAD has no body.
  if (!isProblem || body === undefined) return;
  const fault = contract.fault({ $ref: '#/components/schemas/Problem' }, body);
  if (fault) yield `problem: ${fault}`;
  if (body.status !== status) yield `status ${status} with a problem of ${body.status}`;
  if (body.request_id !== headers.get('x-request-id')) yield `request id ${body.request_id} in the body`;
  if (body.code === 'invalid_request' && body.errors?.[0]?.detail !== body.detail)
    yield 'the first of its errors is not the one of its detail';
};

/** How a request must be rejected; undefined if it is valid. */
const rejectionOf = (contract: Contract, request: FuzzRequest): Rejection | undefined => {
  const operation = contract.operation(request.operationId as string);
  const unread = operation.requestBody && unreadable(request);
  if (unread) return unread;
  for (const parameter of operation.parameters ?? []) {
    const fault = parameterFault(contract, parameter, request);
    if (fault) return { code: 'invalid_request', why: `${parameter.in} parameter ${parameter.name} ${fault}` };
  }
  const why = operation.requestBody && bodyFault(contract, operation, request);
  return why === undefined ? undefined : { code: 'invalid_request', why };
};

/** How a request for a page must be rejected that is valid by its schema. */
const pageRejectionOf = (request: FuzzRequest, cursors: Cursors): Rejection | undefined => {
  const { path, query, headers } = request;
  const parameter = (name: string) => query.find(([key]) => key === name)?.[1];
  const after = parameter('after');
  const isExport = path.endsWith('{name}/claims') && /ndjson|csv/.test(headers['accept'] ?? '');
  if (isExport && (after !== undefined || parameter('limit') !== undefined))
    return { code: 'invalid_request', why: 'an export is the whole list' };
  if (after === undefined || cursors.get(after) === `${addressOf({ ...request, query: [] })} ${parameter('q') ?? ''}`)
    return undefined;
  // A cursor names its coupon, so the coupon is searched first.
  return { code: 'invalid_request', orCode: 'coupon_not_found', why: 'its cursor is not of this list' };
};

/** The API checks the body first: its type, then its length. */
const unreadable = ({ body, contentType }: FuzzRequest): Rejection | undefined => {
  if (contentType === undefined && !body) return undefined;
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? ''))
    return { code: 'unsupported_media_type', why: 'the content type of the body is not JSON' };
  if (body !== undefined && Buffer.byteLength(body) > BODY_MAX_BYTES)
    return { code: 'payload_too_large', why: 'the body is too long' };
  return undefined;
};

const parameterFault = (contract: Contract, parameter: Parameter, request: FuzzRequest): string | undefined => {
  const { name, schema } = parameter;
  const values = {
    path: () => [request.pathValues[name] as string],
    query: () => request.query.filter(([key]) => key === name).map(([, value]) => value),
    header: () => (name in request.headers ? [request.headers[name] as string] : []),
  }[parameter.in]();
  if (values.length === 0) return parameter.required ? 'is missing' : undefined;
  if (values.length > 1) return 'is present more than once';
  const [text = ''] = values;
  const value = 'type' in schema && schema.type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text;
  return contract.fault(schema, value);
};

const bodyFault = (contract: Contract, { requestBody }: Operation, request: FuzzRequest): string | undefined => {
  const { body } = request;
  if (!body) return 'there is no body';
  try {
    const value = JSON.parse(body);
    return isForbidden(value)
      ? 'it has a forbidden key'
      : contract.fault(requestBody?.content['application/json']?.schema as object, value);
  } catch {
    return 'the body is not valid JSON';
  }
};

/** Whether a merge of this object into another could change the prototype of all objects. */
const isForbidden = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.hasOwn(value, '__proto__')) return true;
  const constructed = Object.hasOwn(value, 'constructor') ? (value.constructor as unknown) : undefined;
  if (typeof constructed === 'object' && constructed !== null && Object.hasOwn(constructed, 'prototype')) return true;
  return Object.values(value).some(isForbidden);
};
