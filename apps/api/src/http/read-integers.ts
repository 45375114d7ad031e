import type { preValidationHookHandler } from 'fastify';

const DIGITS = /^-?\d+$/;

/**
 * Converts these parameters of the query string to integers, before the schema validates them. Ajv does not convert, because
 * in a body a type must be right, and its conversion would also accept 0x10 and 1e3.
 */
export const readIntegers =
  (...names: string[]): preValidationHookHandler =>
  (request, _reply, done) => {
    const query = request.query as Record<string, unknown>;
    for (const name of names) {
      const value = query[name];
      if (typeof value === 'string' && DIGITS.test(value)) query[name] = Number(value);
    }
    done();
  };
