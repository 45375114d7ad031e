// Its types extend the schema of a route.
import type {} from '@fastify/swagger';
import type { ProblemCode } from '@flashclaim/core';
import { Kind, type TSchema } from '@sinclair/typebox';
import type { FastifySchema } from 'fastify';
import type { DocumentedAnswer } from './answers.ts';
import { type AnswerHeader, headersOf, RATE_LIMIT_HEADERS } from './headers.ts';
import { problemAnswers } from './problem-answers.ts';

declare module 'fastify' {
  /** Fields for the document only. Fastify itself reads none of them. */
  interface FastifySchema {
    /** The answers that are not problems, by status. */
    answers?: Record<number, DocumentedAnswer>;
    /** Who may call it, where the deployment restricts that; by default anybody. */
    access?: readonly Access[];
    /** Every problem that the call may end in, but those that any call may end in. */
    problems?: readonly ProblemCode[];
    /** Headers beyond those of the status, each with the problems of this call that may carry it. */
    problemHeaders?: Partial<Record<AnswerHeader, readonly ProblemCode[]>>;
  }
}

/** Problems of every call that takes a body. */
const OF_BODIES: readonly ProblemCode[] = ['invalid_request', 'payload_too_large', 'unsupported_media_type'];

/** A caller with an admin token; a caller who may claim; one who may read a claim; one with an API key; everybody. */
type Access = 'admin' | 'claim' | 'reader' | 'key' | 'anybody';

/** The names of the security schemes that give access; none where it is not restricted. */
export type AccessSchemes = Record<Exclude<Access, 'anybody'>, readonly string[]>;

export interface DescribedRoute {
  schema: FastifySchema | undefined;
  url: string;
  schemes: AccessSchemes;
}

/** The document contains a schema with a name once, under `components`. */
const referTo = (schema: unknown): unknown => {
  const { $id } = schema as TSchema;
  return $id ? { $ref: `#/components/schemas/${$id}` } : schema;
};

/** A schema with references to those schemas inside it that have a name. */
export const referInside = (schema: object): object =>
  Object.fromEntries(
    Object.entries(schema).map(([key, inner]) => [
      key,
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? referTo('$id' in inner ? inner : referInside(inner))
        : inner,
    ]),
  );

const isTypeBox = (schema: unknown): schema is TSchema =>
  typeof schema === 'object' && schema !== null && Kind in schema;

/**
 * Describes a route for the document, from its schema. Fastify compiles the serialisers from the route's own `response`, where
 * all problems share one. Here each status has its own codes, headers and examples.
 * @throws Error where a route has no operationId and is not hidden, so that the document can't miss a route.
 */
export const describeRoute = ({ schema, url, schemes }: DescribedRoute): FastifySchema => {
  if (schema?.hide) return schema;
  if (!schema?.operationId) throw new Error(`${url} has no operationId: set one in its schema, or set hide: true`);
  const { access, answers = {}, problems = [], problemHeaders = {}, response, body, ...rest } = schema;
  const schemas = response as Record<string, unknown>;
  // An admin call is limited only where its token is wrong, so its other answers say nothing of a limit.
  const limited = problems.includes('rate_limited') && !access?.includes('admin') ? RATE_LIMIT_HEADERS : [];
  const described = Object.entries(answers).map(([status, answer]) => [
    status,
    describeAnswer(Number(status), { ...answer, headers: [...(answer.headers ?? []), ...limited] }, schemas[status]),
  ]);
  const all: ProblemCode[] = [...problems, ...(body ? OF_BODIES : []), 'internal_error'];
  const own = { ...problemHeaders, ...Object.fromEntries(limited.map((name) => [name, all])) };
  return {
    ...rest,
    ...(isTypeBox(body) ? { body: referTo(body) } : {}),
    ...(access && { security: securityOf(access, schemes) }),
    response: { ...Object.fromEntries(described), ...problemAnswers(all, own) },
  };
};

/** One of these is enough. `{}` means that none is needed. */
const securityOf = (access: readonly Access[], schemes: AccessSchemes): Record<string, string[]>[] => {
  const needed = access.map((who) => (who === 'anybody' ? [] : schemes[who]));
  return [
    ...[...new Set(needed.flat())].map((scheme) => ({ [scheme]: [] })),
    ...(needed.some(({ length }) => length === 0) ? [{}] : []),
  ];
};

const describeAnswer = (
  status: number,
  { description, headers, mediaType = 'application/json', examples, texts }: DocumentedAnswer,
  schema: unknown,
) => ({
  description,
  headers: headersOf(status, headers),
  ...(schema && examples
    ? { content: { [mediaType]: { schema: referTo(schema), examples }, ...describeTexts(texts) } }
    : { type: 'null' }),
});

const describeTexts = (texts: DocumentedAnswer['texts'] = {}) =>
  Object.fromEntries(
    Object.entries(texts).map(([type, value]) => [type, { schema: { type: 'string' }, examples: { text: { value } } }]),
  );
