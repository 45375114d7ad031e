// For what it adds to the type of a route's schema.
import type {} from '@fastify/swagger';
import type { ProblemCode } from '@flashclaim/core';
import { Kind, type TSchema } from '@sinclair/typebox';
import type { FastifySchema } from 'fastify';
import type { DocumentedAnswer } from './answers.ts';
import { type AnswerHeader, headersOf, RATE_LIMIT_HEADERS } from './headers.ts';
import { problemAnswers } from './problem-answers.ts';

declare module 'fastify' {
  /** What a route says for the document alone; Fastify itself reads none of it. */
  interface FastifySchema {
    /** The answers that are no problem, by status. */
    answers?: Record<number, DocumentedAnswer>;
    /** Every problem that the call may end in, but those that any call may. */
    problems?: readonly ProblemCode[];
    /** The headers that problems of this call may bear beyond those of their status, and which ones do. */
    problemHeaders?: Partial<Record<AnswerHeader, readonly ProblemCode[]>>;
  }
}

/** Problems of every call that takes a body. */
const OF_BODIES: readonly ProblemCode[] = ['invalid_request', 'payload_too_large', 'unsupported_media_type'];

/** The admin token, in both ways that it can be sent. */
const ADMIN = [{ adminToken: [] }, { adminPassword: [] }];
const OR_NOBODY = [{}];

export interface DescribedRoute {
  schema: FastifySchema | undefined;
  url: string;
  /** Whether admin calls need no token in this deployment. */
  open: boolean;
}

/** A schema with a name is said once, under `components`. */
const referTo = (schema: unknown): unknown => {
  const { $id } = schema as TSchema;
  return $id ? { $ref: `#/components/schemas/${$id}` } : schema;
};

const isTypeBox = (schema: unknown): schema is TSchema =>
  typeof schema === 'object' && schema !== null && Kind in schema;

/**
 * Turns a route's schema into what the document says of it. The serialisers are compiled from `response` as it stands in the
 * route, where all problems share one; here each status has its own codes, headers and examples.
 * @throws Error where a route says nothing of itself: none is left out by being forgotten.
 */
export const describeRoute = ({ schema, url, open }: DescribedRoute): FastifySchema => {
  if (schema?.hide) return schema;
  if (!schema?.operationId) throw new Error(`${url} has no operationId: give it one, or say hide: true in its schema`);
  const { answers = {}, problems = [], problemHeaders = {}, response, body, ...rest } = schema;
  const schemas = response as Record<string, unknown>;
  const limited = problems.includes('rate_limited') ? RATE_LIMIT_HEADERS : [];
  const described = Object.entries(answers).map(([status, answer]) => [
    status,
    describeAnswer(Number(status), { ...answer, headers: [...(answer.headers ?? []), ...limited] }, schemas[status]),
  ]);
  const all: ProblemCode[] = [...problems, ...(body ? OF_BODIES : []), 'internal_error'];
  // A bad body is found out before anything is counted.
  const counted: ProblemCode[] = [...problems, 'internal_error'];
  const own = { ...problemHeaders, ...Object.fromEntries(limited.map((name) => [name, counted])) };
  return {
    ...rest,
    ...(isTypeBox(body) ? { body: referTo(body) } : {}),
    ...(problems.includes('unauthorized') && { security: [...ADMIN, ...(open ? OR_NOBODY : [])] }),
    response: { ...Object.fromEntries(described), ...problemAnswers(all, own) },
  };
};

const describeAnswer = (
  status: number,
  { description, headers, mediaType = 'application/json', examples }: DocumentedAnswer,
  schema: unknown,
) => ({
  description,
  headers: headersOf(status, headers),
  ...(schema && examples ? { content: { [mediaType]: { schema: referTo(schema), examples } } } : { type: 'null' }),
});
