import { PROBLEMS, type ProblemCode } from '@flashclaim/core';
import { expect } from 'vitest';
import type { Reply } from './call-api.ts';

/** Checks that the answer is a problem of this code: status, texts, and the request id in body and header. */
export const expectProblem = (reply: Reply, code: ProblemCode, detail: string | RegExp = /\w/): void => {
  const { status, title, error } = PROBLEMS[code];
  expect(reply).toMatchObject({ status, body: { type: `urn:flashclaim:problem:${code}`, status, code, title, error } });
  expect(reply.body.detail).toMatch(detail);
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(reply.body.request_id).toMatch(/^\w+-\w+$/);
  expect(reply.body.request_id).toBe(reply.headers.get('x-request-id'));
};
