import type { Problem, ProblemCode } from '@flashclaim/core';
import { newProblem, problemsAnswered } from './problem.ts';
import { requestId } from './request-id.ts';

export const RAW_PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

interface RawProblem {
  requestId: string;
  status: Problem['status'];
  body: string;
  bodyBytes: number;
}

/** Prepares and counts a problem for a request that Fastify does not handle. The calling function writes it. */
export const newRawProblem = (code: ProblemCode, detail: string): RawProblem => {
  const problem = newProblem(code, detail, requestId());
  problemsAnswered[code]++;
  const body = JSON.stringify(problem);
  return { requestId: problem.request_id, status: problem.status, body, bodyBytes: Buffer.byteLength(body) };
};
