import type { preValidationHookHandler } from 'fastify';
import { isDecodable } from './is-decodable.ts';
import { BAD_ADDRESS, ProblemError } from './problem.ts';

const DIGITS = /^-?\d+$/;

/**
 * Refuses a query string that is not percent-encoded UTF-8: Fastify would take it as it is sent. Converts these parameters to
 * integers, before the schema validates them: Ajv does not convert, because in a body a type must be right, and its conversion
 * would also accept 0x10 and 1e3.
 */
export const readQuery =
  (...integers: string[]): preValidationHookHandler =>
  (request, _reply, done) => {
    const start = request.url.indexOf('?');
    if (start !== -1 && !isDecodable(request.url.slice(start)))
      return done(new ProblemError('invalid_request', BAD_ADDRESS));
    const query = request.query as Record<string, unknown>;
    for (const name of integers) {
      const value = query[name];
      if (typeof value === 'string' && DIGITS.test(value)) query[name] = Number(value);
    }
    done();
  };
