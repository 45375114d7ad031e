import { BODY_MAX_BYTES } from '@flashclaim/core';
import type { Reply } from '../support/caller.ts';
import type { Contract, Operation, Parameter } from '../support/openapi.ts';
import type { FuzzRequest } from './request.ts';

/** What is wrong with an answer, in view of its request; nothing where all is well. */
export const judge = (contract: Contract, request: FuzzRequest, reply: Reply): string[] => {
  const faults = [...generalFaults(contract, reply)];
  if (request.operationId === undefined) return faults;
  faults.push(...contract.faultsOf(request.operationId, reply));
  const { code } = (reply.body ?? {}) as { code?: string };
  const refused = REFUSALS.includes(code ?? '');
  const reason = whyRefused(contract, request);
  if (refused && reason === undefined) faults.push(`what is as documented was refused: ${reply.body.detail}`);
  if (!refused && reason !== undefined && code !== 'unauthorized') faults.push(`it was taken, although ${reason}`);
  return faults;
};

/** The codes that say that the request itself is at fault. */
const REFUSALS = ['invalid_request', 'payload_too_large', 'unsupported_media_type'];

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

/** Why a request is not as documented; undefined where it is. */
const whyRefused = (contract: Contract, request: FuzzRequest): string | undefined => {
  const operation = contract.operation(request.operationId as string);
  for (const parameter of operation.parameters ?? []) {
    const fault = parameterFault(contract, parameter, request);
    if (fault) return `${parameter.in} parameter ${parameter.name} ${fault}`;
  }
  return operation.requestBody && bodyFault(contract, operation, request);
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
  const { body, contentType } = request;
  if (body === undefined) return 'there is no body';
  if (Buffer.byteLength(body) > BODY_MAX_BYTES) return 'the body is too long';
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) return 'the body is no JSON by its type';
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
