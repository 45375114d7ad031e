import type { FastifyHelmetOptions } from '@fastify/helmet';

/** What the pages of people are allowed: what this process serves, and nothing from anywhere else. */
export const PAGE_SECURITY: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'script-src': ["'self'"],
      'style-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'font-src': ["'self'"],
      'connect-src': ["'self'"],
      'form-action': ["'self'"],
      'base-uri': ["'none'"],
      'frame-ancestors': ["'none'"],
    },
  },
  // Whether there is TLS at all is known to what stands in front.
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' },
};
