import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors';
import fp from 'fastify-plugin';
import { corsOrigins } from '../http/cors-origins.ts';

/** How long a browser may cache the answer to a preflight. */
const PREFLIGHT_CACHED_SECONDS = 600;

const ALLOWED_HEADERS = ['authorization', 'content-type', 'idempotency-key', 'prefer', 'if-none-match'];

/** A page reads these headers of an answer only where they are listed. */
const EXPOSED_HEADERS = [
  'location',
  'retry-after',
  'etag',
  'link',
  'idempotency-replayed',
  'preference-applied',
  'x-request-id',
  'ratelimit',
  'ratelimit-policy',
];

/** The admin pages must not be callable from other origins, so only the addresses below this have CORS headers. */
const isOpenToPages = (url: string): boolean => url.startsWith('/api/');

/**
 * Lets pages of other origins call `/api/`. Without origins nothing is registered. It never allows credentials that a browser
 * adds by itself: a password for the admin pages would then work for every page of an allowed origin.
 */
export const cors = fp<{ origins: string | undefined }>(
  async (app, options) => {
    const origins = corsOrigins(options.origins);
    if (origins === undefined) return;
    const methods = new Set<string>();
    app.addHook('onRoute', ({ method, url }) => {
      if (isOpenToPages(url)) for (const one of [method].flat()) methods.add(one);
    });
    await app.register(fastifyCors, {
      delegator: ({ method, url, headers }, done) => {
        if (!isOpenToPages(url)) return done(null, { origin: false });
        const allowed: FastifyCorsOptions = {
          origin: origins as '*' | string[],
          methods: [...methods],
          allowedHeaders: ALLOWED_HEADERS,
          exposedHeaders: EXPOSED_HEADERS,
          maxAge: PREFLIGHT_CACHED_SECONDS,
          // Any other OPTIONS is answered with `Allow` by the plugin `unknown-routes`.
          preflight: method === 'OPTIONS' && 'origin' in headers && 'access-control-request-method' in headers,
        };
        return done(null, allowed);
      },
    });
  },
  { name: 'cors', dependencies: ['errors'] },
);
