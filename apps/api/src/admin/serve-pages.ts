import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** What a page may load: files of this process only. */
const DIRECTIVES = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
};

const securityWith = (directives: Record<string, string[]>): FastifyHelmetOptions => ({
  contentSecurityPolicy: { useDefaults: false, directives: { ...DIRECTIVES, ...directives } },
  // Only the proxy in front knows whether there is TLS.
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' },
});

/** For our own pages. */
export const PAGE_SECURITY = securityWith({});

/** For Bull Board, whose page has inline styles and a <base> element. */
export const BOARD_SECURITY = securityWith({ 'style-src': ["'self'", "'unsafe-inline'"], 'base-uri': ["'self'"] });

/** The routes that follow are pages for people: they need the admin token, have these headers, and are in no document. */
export const servePages = async (app: FastifyInstance, security: FastifyHelmetOptions): Promise<void> => {
  app.addHook('onRequest', app.requireAdmin);
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true };
  });
  await app.register(helmet, security);
};
