import { PROBLEMS, type Problem, type ProblemCode, ProblemSchema, RETRY_AFTER_MAX_SECONDS } from '@flashclaim/core';
import type { FastifyReply } from 'fastify';

/** What a caller is told of a name that no coupon has. */
export const NO_SUCH_COUPON = 'No coupon has this name. Names are case-sensitive.';

/** What every route answers where it answers an error: one compiled serialiser for all of them. */
export const PROBLEM_RESPONSES = { '4xx': ProblemSchema, '5xx': ProblemSchema };

/** An answer that is an error; thrown by handlers, written by the error handler. `detail` tells the caller what to do. */
export class ProblemError extends Error {
  readonly code: ProblemCode;

  constructor(code: ProblemCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** How often this process has answered each problem. */
export const problemsAnswered = Object.fromEntries(Object.keys(PROBLEMS).map((code) => [code, 0])) as Record<
  ProblemCode,
  number
>;

/**
 * Prepares a reply that is an error, and returns its body. Handlers return it: Fastify then writes it at once, where a
 * returned reply would be waited for with a set of listeners on each response.
 */
export const toProblem = (reply: FastifyReply, code: ProblemCode, detail: string): Problem => {
  const problem = newProblem(code, detail, reply.request.id);
  problemsAnswered[code]++;
  reply.request.log.debug({ request_id: problem.request_id, code }, 'a problem was answered');
  if (problem.status === 503) setRetryAfter(reply, RETRY_AFTER_MAX_SECONDS);
  reply.code(problem.status).type('application/problem+json');
  return problem;
};

/** From 1 to so many, so that not all who are told at once come back at once. */
export const randomSeconds = (maxSeconds: number): number => 1 + Math.floor(Math.random() * maxSeconds);

/** Says when to come back, at random within so many seconds, and returns it. */
export const setRetryAfter = (reply: FastifyReply, maxSeconds: number): number => {
  const seconds = randomSeconds(maxSeconds);
  reply.header('retry-after', seconds);
  return seconds;
};

export const newProblem = (code: ProblemCode, detail: string, request_id: string): Problem => {
  const { status, title, error } = PROBLEMS[code];
  return { type: `urn:flashclaim:problem:${code}`, title, status, detail, code, error, request_id };
};

/** Writes an error from where nothing can be returned. */
export const sendProblem = (reply: FastifyReply, code: ProblemCode, detail: string): FastifyReply =>
  // What fails before a route is found has passed no hook.
  reply.header('x-request-id', reply.request.id).send(toProblem(reply, code, detail));
