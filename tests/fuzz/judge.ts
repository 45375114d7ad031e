import { BODY_MAX_BYTES, type ProblemCode } from '@flashclaim/core';
import type { Reply } from '../support/call-api.ts';
import type { Contract, Operation, Parameter } from '../support/openapi.ts';
import type { FuzzRequest } from './request.ts';

/** What is wrong with an answer, in view of its request; nothing where all is well. */
export const judge = (contract: Contract, request: FuzzRequest, reply: Reply): string[] => {
  const faults = [...generalFaults(contract, reply)];
  if (request.operationId === undefined) return faults;
  faults.push(...contract.faultsOf(request.operationId, reply));
  const { code } = (reply.body ?? {}) as { code?: ProblemCode };
  const refusal = refusalOf(contract, request);
  // Who may not call at all, or not now, is told nothing else.
  if (code === 'unauthorized' || reply.status === 503) return faults;
  if (refusal && code !== refusal.code) faults.push(`it was not refused as ${refusal.code}, although ${refusal.why}`);
  if (!refusal && code && REFUSALS.includes(code)) faults.push('it was refused, although it is as documented');
  return faults;
};

/** The codes that say that the request itself is at fault. */
const REFUSALS: readonly ProblemCode[] = ['invalid_request', 'payload_too_large', 'unsupported_media_type'];

interface Rejection {
  code: ProblemCode;
  why: string;
}

/** What holds of every answer. */
const generalFaults = function* (contract: Contract, { status, headers, body }: Reply): Generator<string> {
  if (status >= 500 && status !== 503) yield `status ${status}`;
  if (!headers.get('x-request-id')) yield 'no x-request-id';
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json');
  if (status >= 400 && !isProblem) yield `status ${status} without a problem`;
  // HEAD has none.
  if (!isProblem || body === undefined) return;
  const fault = contract.fault({ $ref: '#/components/schemas/Problem' }, body);
  if (fault) yield `problem: ${fault}`;
  if (body.status !== status) yield `status ${status} with a problem of ${body.status}`;
  if (body.request_id !== headers.get('x-request-id')) yield `request id ${body.request_id} in the body`;
};

/** As what a request must be refused; undefined where it is as documented. */
const refusalOf = (contract: Contract, request: FuzzRequest): Rejection | undefined => {
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

/** A body is looked at before anything else: first its type, then its length. */
const unreadable = ({ body, contentType }: FuzzRequest): Rejection | undefined => {
  if (contentType === undefined && !body) return undefined;
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? ''))
    return { code: 'unsupported_media_type', why: 'the body is no JSON by its type' };
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
  if (values.length > 1) return 'stands there more than once';
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
      ? 'it has a key that nobody may send'
      : contract.fault(requestBody?.content['application/json']?.schema as object, value);
  } catch {
    return 'the body is no JSON';
  }
};

/** Whether an object would change what all objects are, once somebody merged it into another. */
const isForbidden = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.hasOwn(value, '__proto__')) return true;
  const made = Object.hasOwn(value, 'constructor') ? (value.constructor as unknown) : undefined;
  if (typeof made === 'object' && made !== null && Object.hasOwn(made, 'prototype')) return true;
  return Object.values(value).some(isForbidden);
};
