import {
  PROBLEMS,
  type Problem,
  type ProblemCode,
  ProblemSchema,
  RETRY_AFTER_MAX_SECONDS,
  type RequestFault,
} from '@flashclaim/core';
import type { FastifyReply } from 'fastify';
import { setCommonHeaders } from './common-headers.ts';

/** The detail of `coupon_not_found`. */
export const NO_SUCH_COUPON = 'No coupon has this name. Names are case-sensitive.';

/** The detail of `invalid_request` for a path or a query. */
export const BAD_ADDRESS = 'The address is not percent-encoded correctly.';

/** The detail and the title of `not_found` for a claim. */
export const NO_SUCH_CLAIM = 'No claim has this id, or its status is no longer kept.';
export const CLAIM_NOT_FOUND = { title: 'The claim does not exist' };

/** The detail of `host_not_allowed`. */
export const HOST_NOT_ALLOWED =
  'Without ADMIN_TOKEN, admin calls are open under localhost or an IP address only, and not to pages of other hosts. ' +
  'Call one of them, or set ADMIN_TOKEN.';

/** The error responses of every route: all share one compiled serialiser. */
export const PROBLEM_RESPONSES = { '4xx': ProblemSchema, '5xx': ProblemSchema };

/** What a problem says beyond its code and detail. */
export type ProblemMembers = Pick<Problem, 'errors' | 'done' | 'reason' | 'claim_id'> & { title?: string };

/** An error that the error handler answers as a problem. `detail` tells the caller what to do. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly members: ProblemMembers | undefined;

  constructor(code: ProblemCode, detail: string, members?: ProblemMembers) {
    super(detail);
    this.code = code;
    this.members = members;
  }
}

/** An invalid request with one fault, at this place. */
export const invalidRequest = (detail: string, place: Omit<RequestFault, 'detail'>): ProblemError =>
  new ProblemError('invalid_request', detail, { errors: [{ ...place, detail }] });

/** How often this process has answered each problem. */
export const problemsAnswered = Object.fromEntries(Object.keys(PROBLEMS).map((code) => [code, 0])) as Record<
  ProblemCode,
  number
>;

/**
 * Prepares a reply that is a problem, and returns its body. Handlers return the body, because Fastify then writes it at once.
 * If they returned the reply, Fastify would add a set of listeners to each response.
 */
export const toProblem = (
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  members?: ProblemMembers,
): Problem => {
  const problem = newProblem(code, detail, reply.request.id, members);
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

/** By default a 503 says that nothing was done, and an invalid request has one fault without a place. */
export const newProblem = (
  code: ProblemCode,
  detail: string,
  request_id: string,
  members?: ProblemMembers,
): Problem => {
  const { status, title, error } = PROBLEMS[code];
  const problem: Problem = { type: `/problems/${code}`, title, status, detail, code, error, request_id };
  if (status === 503) problem.done = 'nothing';
  else if (code === 'invalid_request') problem.errors = [{ detail }];
  return members ? { ...problem, ...members } : problem;
};

/** Sends a problem from a hook or an error handler, which can't return a body. */
export const sendProblem = (
  reply: FastifyReply,
  code: ProblemCode,
  detail: string,
  members?: ProblemMembers,
): FastifyReply =>
  // A request that fails before its route is found has run no hook.
  setCommonHeaders(reply).send(toProblem(reply, code, detail, members));
