import swagger from '@fastify/swagger';
import {
  ClaimedSchema,
  ClaimRequestSchema,
  ClaimStatusSchema,
  CouponSchema,
  NewCouponSchema,
  ProblemSchema,
} from '@flashclaim/core';
import fp from 'fastify-plugin';
import packageJson from '../../package.json' with { type: 'json' };
import { describeRoute } from '../http/openapi/describe-route.ts';

const DESCRIPTION = `
Claims for the units of coupons in a flash sale: never one unit too many, never two for a user, and no claim that was confirmed is ever lost.

Every error is \`application/problem+json\` with a stable \`code\`; \`detail\` names the field and says what to do.
Every answer has an \`x-request-id\`. Whatever the call, an address that does not exist is \`not_found\` 404, a method that an
address does not take \`method_not_allowed\` 405 with \`Allow\`, a request that arrives too slowly \`request_timeout\` 408, and
headers beyond 16 KiB are \`headers_too_large\` 431.

Pages for people: [the live sale](/live) and [the queues](/admin/queues).`.trim();

/** The schemas that have a name, each once. */
const NAMED = [ClaimRequestSchema, ClaimedSchema, ClaimStatusSchema, NewCouponSchema, CouponSchema, ProblemSchema];

/** Collects the routes that are registered after it, and describes them at `GET /openapi.json`. */
export const openapi = fp<{ open: boolean }>(
  async (app, { open }) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Flashclaim',
          version: packageJson.version,
          description: DESCRIPTION,
          license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
        },
        servers: [{ url: '/' }],
        tags: [
          { name: 'claims', description: 'Taking a unit, and asking what became of it.' },
          { name: 'coupons', description: 'Creating coupons and reading them.' },
          { name: 'service', description: 'The service itself.' },
        ],
        components: {
          schemas: Object.fromEntries(NAMED.map((schema) => [schema.$id, schema])),
          securitySchemes: {
            adminToken: { type: 'http', scheme: 'bearer', description: 'ADMIN_TOKEN' },
            adminPassword: { type: 'http', scheme: 'basic', description: 'Any user, ADMIN_TOKEN as password' },
          },
        },
      },
      convertConstToEnum: false,
      refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => String($id ?? `schema-${index}`) },
      transform: ({ schema, url }) => ({ schema: describeRoute({ schema, url, open }), url }),
    });
  },
  { name: 'openapi' },
);
