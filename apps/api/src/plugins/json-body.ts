import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { invalidRequest, ProblemError } from '../http/problem.ts';

/**
 * Accepts bodies in JSON and UTF-8, without compression, and no others. Fastify's own parser checks neither charset nor
 * encoding, and decodes invalid bytes to U+FFFD: then different invalid names would become one name, which nobody sent.
 */
export const jsonBody = fp(
  async (app) => {
    app.removeAllContentTypeParsers();
    const parseJson = app.getDefaultJsonParser('error', 'error');
    app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
      const fault = faultOfHeaders(request.raw.headers);
      if (fault) return done(fault);
      const text = bytes.toString();
      // U+FFFD may come from invalid bytes, or the caller has sent it: only then are the bytes checked.
      if (text.includes('\ufffd') && !isUtf8(bytes))
        return done(invalidRequest('The body is not valid UTF-8.', { pointer: '#' }));
      return parseJson(request, text, done);
    });
  },
  { name: 'json-body' },
);

const faultOfHeaders = (headers: FastifyRequest['raw']['headers']): ProblemError | undefined => {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return new ProblemError('unsupported_media_type', 'Send the body uncompressed, without Content-Encoding.');
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return invalidRequest('Transfer-Encoding must be chunked.', { header: 'transfer-encoding' });
  const type = headers['content-type'] as string;
  if (type !== 'application/json' && charsetsOf(type).some((charset) => !UTF_8.has(charset)))
    return new ProblemError('unsupported_media_type', 'Send the body in UTF-8: JSON has no other charset.');
  return undefined;
};

/** US-ASCII is a subset of UTF-8. */
const UTF_8 = new Set(['utf-8', 'utf8', 'us-ascii']);

const charsetsOf = (contentType: string): string[] =>
  [...contentType.matchAll(/;\s*charset\s*=\s*"?([^";\s]*)/gi)].map(([, charset = '']) => charset.toLowerCase());
