import { BODY_MAX_BYTES } from '@flashclaim/core';
import fc, { type Arbitrary } from 'fast-check';
import type { Contract, Operation, Parameter } from '../support/openapi.ts';
import type { Access, Credential } from './access.ts';
import { conforming, hostile, nearly, type Schema } from './arbitraries.ts';

/** A request in the parts that the document describes. */
export interface FuzzRequest {
  /** Undefined if the operation is not documented. */
  operationId: string | undefined;
  method: string;
  /** The documented path, with its parameters in braces. */
  path: string;
  pathValues: Record<string, string>;
  query: [name: string, value: string][];
  headers: Record<string, string | undefined>;
  credential: Credential;
  contentType: string | undefined;
  body: string | undefined;
}

/** Requests to every documented operation, and sometimes to any other address. */
export const requests = (contract: Contract, known: Known, { credentials }: Access): Arbitrary<FuzzRequest> =>
  fc
    .tuple(
      fc.constantFrom(...credentials),
      fc.oneof(
        ...[...contract.operations.values()].map((operation) => ({
          // Operations without parameters and body need few requests.
          weight: operation.requestBody ? 8 : operation.parameters ? 4 : 1,
          arbitrary: toOperation(contract, operation, known),
        })),
        { weight: 1, arbitrary: toAnywhere },
      ),
    )
    .map(([credential, request]) => ({ ...request, credential }));

/** Values that exist in the system, by the name of the parameter. The document does not contain them. */
export type Known = Record<string, readonly string[]>;

const JSON_TYPES = ['application/json', 'application/json; charset=utf-8', 'Application/JSON'];
const OTHER_TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/xml',
  'json',
  '/',
  'a/b; c',
  '*/*',
];

type Uncredentialed = Omit<FuzzRequest, 'credential'>;

const toOperation = (contract: Contract, operation: Operation, known: Known): Arbitrary<Uncredentialed> => {
  const { operationId, method, path, parameters = [], requestBody } = operation;
  const of = (where: Parameter['in']) => parameters.filter((parameter) => parameter.in === where);
  const schema = requestBody?.content['application/json']?.schema as Schema | undefined;
  return fc.record({
    operationId: fc.constant(operationId),
    method: fc.constant(method),
    path: fc.constant(path),
    pathValues: fc.record(
      Object.fromEntries(of('path').map((parameter) => [parameter.name, pathValue(parameter, known)])),
    ),
    query: queryOf(of('query'), known),
    headers: headersOf(of('header'), known, mediaTypesOf(operation)),
    contentType: schema
      ? mostly(fc.constantFrom(...JSON_TYPES), fc.constantFrom(undefined, ...OTHER_TYPES))
      : fc.constant(undefined),
    body: schema ? bodyOf(contract.resolve(schema)) : fc.constant(undefined),
  });
};

/** The media types that a call may be answered in: more than one are asked for by `Accept`. */
const mediaTypesOf = ({ responses }: Operation): string[] => Object.keys(responses['200']?.content ?? {});

const mostly = <T>(usual: Arbitrary<T>, unusual: Arbitrary<T>): Arbitrary<T> =>
  fc.oneof({ weight: 7, arbitrary: usual }, { weight: 1, arbitrary: unusual });

const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

const pathValue = ({ name, schema }: Parameter, known: Known): Arbitrary<string> =>
  fc
    .oneof(
      ...(known[name] ? [{ weight: 3, arbitrary: fc.constantFrom(...known[name]) }] : []),
      { weight: 3, arbitrary: conforming(schema as Schema) },
      { weight: 1, arbitrary: hostile },
    )
    .map((value) => asText(value).toWellFormed())
    // An empty value would be another address.
    .filter((value) => value !== '');

const queryOf = (parameters: Parameter[], known: Known): Arbitrary<FuzzRequest['query']> =>
  fc
    .tuple(
      ...parameters.map(({ name, schema }) => {
        const usual = known[name] ? fc.constantFrom(...known[name]) : conforming(schema as Schema);
        const one = mostly(usual, hostile).map((value): [string, string] => [name, asText(value).toWellFormed()]);
        return fc.oneof(
          { weight: 4, arbitrary: fc.constant([]) },
          { weight: 4, arbitrary: fc.tuple(one) },
          { weight: 1, arbitrary: fc.tuple(one, one) },
        );
      }),
      fc.array(fc.tuple(fc.constant('unknown'), fc.string({ maxLength: 5 })), { maxLength: 1 }),
    )
    .map((parts) => parts.flat() as FuzzRequest['query']);

/** Valid header values: visible characters of Latin-1, with blanks between them. */
const HEADER = /^[\x21-\x7e\xa1-\xff](?:[ \x21-\x7e\xa1-\xff]{0,298}[\x21-\x7e\xa1-\xff])?$/;

const headersOf = (parameters: Parameter[], known: Known, mediaTypes: string[]): Arbitrary<FuzzRequest['headers']> =>
  fc.record(
    Object.fromEntries([
      ...(mediaTypes.length > 1 ? [['accept', fc.constantFrom(...mediaTypes, '*/*')] as const] : []),
      ...parameters.map(({ name, schema }): [string, Arbitrary<string>] => [
        name,
        mostly(known[name] ? fc.constantFrom(...known[name]) : conforming(schema as Schema), fc.stringMatching(HEADER))
          .map(asText)
          .filter((value) => HEADER.test(value)),
      ]),
    ]),
    { requiredKeys: [] },
  );

const bodyOf = (schema: Schema): Arbitrary<string | undefined> =>
  fc.oneof(
    { weight: 12, arbitrary: conforming(schema).map(asText) },
    { weight: 8, arbitrary: nearly(schema).map(asText) },
    { weight: 2, arbitrary: fc.json() },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
    {
      weight: 1,
      arbitrary: fc.tuple(conforming(schema).map(asText), fc.nat(40)).map(([body, at]) => body.slice(0, at)),
    },
    {
      weight: 1,
      arbitrary: conforming(schema).map((body) => asText({ ...(body as object), filler: 'x'.repeat(BODY_MAX_BYTES) })),
    },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'];
const SEGMENTS = [
  'api',
  'coupons',
  'claims',
  'claim',
  'docs',
  'admin',
  'health',
  'metrics',
  'openapi.json',
  '',
  '..',
  '%2e',
  '%zz',
  '%00',
  '*',
];

const toAnywhere: Arbitrary<Uncredentialed> = fc.record({
  operationId: fc.constant(undefined),
  method: fc.constantFrom(...METHODS),
  path: fc.array(fc.constantFrom(...SEGMENTS), { maxLength: 4 }).map((segments) => `/${segments.join('/')}`),
  pathValues: fc.constant({}),
  query: queryOf([], {}),
  headers: fc.constant({}),
  contentType: fc.constantFrom(undefined, ...JSON_TYPES, ...OTHER_TYPES),
  body: fc.oneof(fc.constant(undefined), fc.json()),
});
