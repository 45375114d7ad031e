import { PROBLEMS, type Problem, type ProblemCode, ProblemSchema, RETRY_AFTER_MAX_SECONDS } from '@flashclaim/core';
import type { FastifyReply } from 'fastify';

/** The detail of `coupon_not_found`. */
export const NO_SUCH_COUPON = 'No coupon has this name. Names are case-sensitive.';

/** The error responses of every route: all share one compiled serialiser. */
export const PROBLEM_RESPONSES = { '4xx': ProblemSchema, '5xx': ProblemSchema };

/** An error that the error handler answers as a problem. `detail` tells the caller what to do. */
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
 * Prepares a reply that is a problem, and returns its body. Handlers return the body, because Fastify then writes it at once.
 * If they returned the reply, Fastify would add a set of listeners to each response.
 */
export const toProblem = (reply: FastifyReply, code: ProblemCode, detail: string): Problem => {
  const problem = newProblem(code, detail, reply.request.id);
  problemsAnswered[code]++;
  reply.request.log.debug({ request_id: problem.request_id, code }, 'request answered with a problem');
  if (problem.status === 503) setRetryAfter(reply, RETRY_AFTER_MAX_SECONDS);
  reply.code(problem.status).type('application/problem+json');
  return problem;
};

/** From 1 to `maxSeconds`, at random: callers that are answered at the same time must not all retry at the same time. */
export const randomSeconds = (maxSeconds: number): number => 1 + Math.floor(Math.random() * maxSeconds);

/** Sets `Retry-After` to a random time of at most `maxSeconds`. Returns it in seconds. */
export const setRetryAfter = (reply: FastifyReply, maxSeconds: number): number => {
  const seconds = randomSeconds(maxSeconds);
  reply.header('retry-after', seconds);
  return seconds;
};

export const newProblem = (code: ProblemCode, detail: string, request_id: string): Problem => {
  const { status, title, error } = PROBLEMS[code];
  return { type: `urn:flashclaim:problem:${code}`, title, status, detail, code, error, request_id };
};

/** Sends a problem from a hook or an error handler, which can't return a body. */
export const sendProblem = (reply: FastifyReply, code: ProblemCode, detail: string): FastifyReply =>
  // A request that fails before its route is found has run no hook.
  reply.header('x-request-id', reply.request.id).send(toProblem(reply, code, detail));
