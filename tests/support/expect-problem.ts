import { PROBLEMS, type ProblemCode } from '@flashclaim/core';
import { expect } from 'vitest';
import type { Reply } from './call-api.ts';

/** Checks that the answer is a problem of this code: status, texts, members, and the request id in body and header. */
export const expectProblem = (reply: Reply, code: ProblemCode, detail: string | RegExp = /\w/): void => {
  const { status, title, error } = PROBLEMS[code];
  expect(reply).toMatchObject({ status, body: { type: `/problems/${code}`, status, code, error } });
  // The title of not_found says what does not exist.
  expect(reply.body.title).toMatch(code === 'not_found' ? /^The .* does not exist$/ : title);
  expect(reply.body.detail).toMatch(detail);
  expect(reply.body.done).toEqual(status === 503 ? expect.stringMatching(/^(nothing|unknown)$/) : undefined);
  const [first] = reply.body.errors ?? [];
  expect(first?.detail).toBe(code === 'invalid_request' ? reply.body.detail : undefined);
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(reply.body.request_id).toMatch(/^\w+-\w+$/);
  expect(reply.body.request_id).toBe(reply.headers.get('x-request-id'));
};
