import type { preValidationHookHandler } from 'fastify';

const DIGITS = /^-?\d+$/;

/**
 * Reads these parameters of the query string as integers, before the schema looks at them: a query string is text, and a
 * body is not, so nothing is coerced there. Ajv's own coercion would take 0x10 and 1e3 for integers as well.
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
