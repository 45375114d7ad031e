import helmet, { type FastifyHelmetOptions } from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** What a page may load: what this process serves, and nothing from anywhere else. */
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
  // Whether there is TLS at all is known to what stands in front.
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' },
});

/** For our own pages. */
export const PAGE_SECURITY = securityWith({});

/** For Bull Board, which sets styles in its page and says where its own addresses begin. */
export const BOARD_SECURITY = securityWith({ 'style-src': ["'self'", "'unsafe-inline'"], 'base-uri': ["'self'"] });

/** Makes the routes that follow pages for people: behind the door, with these headers, and not in the API's document. */
export const servePages = async (app: FastifyInstance, security: FastifyHelmetOptions): Promise<void> => {
  app.addHook('onRequest', app.requireAdmin);
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true };
  });
  await app.register(helmet, security);
};
