import {
  COUPON_NAME_RULE,
  FAULTS_LISTED_MAX,
  IDEMPOTENCY_KEY_RULE,
  NAME_PREFIX_RULE,
  NAME_RULE,
  type RequestFault,
  TIME_RULE,
} from '@flashclaim/core';
import type { FastifyRequest, FastifySchemaValidationError } from 'fastify';

/** The parts of a request in the order in which Fastify validates them. */
const PARTS = ['params', 'body', 'querystring', 'headers'] as const;
type Part = (typeof PARTS)[number];

/**
 * Every fault of a request, `FAULTS_LISTED_MAX` at most, in the order in which Fastify finds them.
 * @param found the faults that Fastify has found. It stops after the first part that has any, so the other parts are validated here.
 * @param foundIn the part of these faults.
 */
export const faultsOf = (
  request: FastifyRequest,
  found: readonly FastifySchemaValidationError[],
  foundIn: string | undefined,
): RequestFault[] => {
  const faults: RequestFault[] = [];
  for (const part of PARTS)
    for (const fault of part === foundIn ? found : validate(request, part)) {
      if (faults.length === FAULTS_LISTED_MAX) return faults;
      faults.push(describe(part, fault));
    }
  return faults;
};

const validate = (request: FastifyRequest, part: Part): readonly FastifySchemaValidationError[] => {
  const validator = request.getValidationFunction(part);
  if (typeof validator !== 'function' || validator(request[part === 'querystring' ? 'query' : part])) return [];
  return (validator.errors ?? []) as FastifySchemaValidationError[];
};

/** One sentence that names the field, and the place of the field. */
const describe = (part: Part, fault: FastifySchemaValidationError): RequestFault => {
  const { keyword, instancePath, params } = fault;
  const child = keyword === 'required' ? params['missingProperty'] : params['additionalProperty'];
  const path = [...instancePath.split('/').slice(1), ...(child === undefined ? [] : [escapePointer(String(child))])];
  const field = path.length === 0 ? `the ${part}` : path.map(shown).join('.');
  return { ...placeOf(part, path), detail: sentence(part, field, fault) };
};

const sentence = (part: Part, field: string, { keyword, params, message }: FastifySchemaValidationError): string => {
  if (keyword === 'required') return `${field} is missing.`;
  if (keyword === 'additionalProperties') return `${field} is not an allowed field.`;
  if (field === 'idempotency-key') return `Idempotency-Key must be ${IDEMPOTENCY_KEY_RULE}.`;
  if (params['format'] === 'name') return `${field} must be ${NAME_RULE}.`;
  if (params['format'] === 'coupon-name') return `${field} must be ${COUPON_NAME_RULE}.`;
  if (params['format'] === 'name-prefix') return `${field} must be ${NAME_PREFIX_RULE}.`;
  if (keyword === 'enum') return `${field} must be one of: ${(params['allowedValues'] as string[]).join(', ')}.`;
  if (params['format'] === 'date-time') return `${field} must be ${TIME_RULE}.`;
  if (keyword === 'type')
    return `${field} must be of type ${[params['type']].flat().join(' or ')}${part === 'querystring' ? ', and sent once' : ''}.`;
  if (keyword === 'not') return `${field} must have at least one of the fields that can be changed.`;
  return `${field} ${message}.`;
};

/** @param path the steps of a JSON pointer, escaped as RFC 6901 demands. */
const placeOf = (part: Part, path: readonly string[]): Omit<RequestFault, 'detail'> => {
  const name = unescapePointer(path[0] ?? '');
  if (part === 'headers') return { header: name };
  if (part !== 'body') return { parameter: name };
  // A pointer that is the fragment of a URI is percent-encoded. Half a surrogate pair has no encoding.
  const pointer = path.map((step) => `/${encodeURI(step.toWellFormed()).replaceAll('#', '%23')}`).join('');
  return { pointer: `#${pointer}` };
};

const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
const unescapePointer = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');

const NAME_SHOWN_MAX_CHARS = 100;

/** A name as a sentence shows it: the caller may have chosen any. */
const shown = (step: string): string => {
  const name = unescapePointer(step);
  return /^[\w$-]+$/.test(name) && name.length <= NAME_SHOWN_MAX_CHARS
    ? name
    : JSON.stringify(name.slice(0, NAME_SHOWN_MAX_CHARS));
};
