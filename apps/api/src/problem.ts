import { PROBLEMS, type Problem, type ProblemCode, RETRY_AFTER_SECONDS } from '@flashclaim/core';
import type { FastifyReply } from 'fastify';

/** An answer that is an error; thrown by handlers, written by the error handler. `detail` tells the caller what to do. */
export class ProblemError extends Error {
  readonly code: ProblemCode;

  constructor(code: ProblemCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** Writes an error as `application/problem+json`. */
export const sendProblem = (reply: FastifyReply, code: ProblemCode, detail: string): FastifyReply => {
  const { status, title, error } = PROBLEMS[code];
  const problem: Problem = {
    type: `urn:flashclaim:problem:${code}`,
    title,
    status,
    detail,
    code,
    error,
    request_id: reply.request.id,
  };
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  // Said here as well: what fails before a route is found passes no hook.
  reply.header('x-request-id', problem.request_id);
  return reply.code(status).type('application/problem+json').send(problem);
};
