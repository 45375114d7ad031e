import swagger from '@fastify/swagger';
import {
  ClaimListSchema,
  ClaimRequestSchema,
  ClaimStatusSchema,
  CouponChangeSchema,
  CouponListSchema,
  CouponSchema,
  NewCouponSchema,
  ProblemSchema,
} from '@flashclaim/core';
import fp from 'fastify-plugin';
import packageJson from '../../package.json' with { type: 'json' };
import { type AccessSchemes, describeRoute, referInside } from '../http/openapi/describe-route.ts';

const DESCRIPTION = `
Claims for the units of coupons in a flash sale. A coupon is never oversold, a user never gets two units of it, and a confirmed claim is never lost.

Every error is \`application/problem+json\` with a stable \`code\`; \`detail\` names the field and says what to do, and
\`type\` is the address of a page that explains the code: [all of them](/problems).
Every answer has an \`x-request-id\`. Any call may be answered \`not_found\` 404 where the address does not exist,
\`method_not_allowed\` 405 with \`Allow\` where the address does not take the method, \`request_timeout\` 408 where the request
arrives too slowly, and \`headers_too_large\` 431 where the headers are longer than 16 KiB.

Claim a unit with curl. Send the same key again after a broken connection, a 429 or a 503: it is the same claim.

\`\`\`sh
curl http://127.0.0.1:8080/api/coupons/claim -H 'content-type: application/json' \\
  -H "idempotency-key: $(uuidgen)" -d '{"user_id":"user_1","coupon_name":"PROMO_SUPER"}'
\`\`\`

Or from TypeScript, with the client of this repository, which retries by itself:

\`\`\`ts
import { createClient } from '@flashclaim/client';

const flashclaim = createClient({ baseUrl: 'http://127.0.0.1:8080' });
const request = { userId: 'user_1', couponName: 'PROMO_SUPER' };
const result = await flashclaim.claim(request, { idempotencyKey: crypto.randomUUID() });
console.log(result.outcome);
\`\`\`

Pages for people: [the live sale](/live) and [the queues](/admin/queues).`.trim();

/** The schemas that the document contains once, by their names. */
const NAMED = [
  ClaimRequestSchema,
  ClaimStatusSchema,
  ClaimListSchema,
  NewCouponSchema,
  CouponChangeSchema,
  CouponSchema,
  CouponListSchema,
  ProblemSchema,
];

/** Which credentials this deployment asks for. */
export interface OpenapiOptions {
  adminTokens: boolean;
  claimKeys: boolean;
  claimTokens: boolean;
}

/** Describes the routes that are registered after it, for `GET /openapi.json`. */
export const openapi = fp<OpenapiOptions>(
  async (app, { adminTokens, claimKeys, claimTokens }) => {
    const admin = adminTokens ? ['adminToken', 'adminPassword'] : [];
    const claim = [...(claimKeys ? ['claimKey'] : []), ...(claimTokens ? ['claimToken'] : [])];
    const schemes: AccessSchemes = {
      admin,
      key: claimKeys ? ['claimKey'] : admin,
      claim,
      reader: claim.length > 0 ? [...claim, ...admin] : [],
    };
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
          { name: 'claims', description: 'Claiming a unit, and reading the status of a claim.' },
          { name: 'coupons', description: 'Creating, changing and reading coupons.' },
          { name: 'service', description: 'The service itself.' },
        ],
        components: {
          schemas: {
            ...Object.fromEntries(NAMED.map((schema) => [schema.$id, referInside(schema)])),
            // The token says who the user is.
            ...(claimTokens && { ClaimRequest: { ...ClaimRequestSchema, required: ['coupon_name'] } }),
          },
          securitySchemes: {
            adminToken: { type: 'http', scheme: 'bearer', description: 'ADMIN_TOKEN' },
            adminPassword: { type: 'http', scheme: 'basic', description: 'Any user, ADMIN_TOKEN as password' },
            claimKey: { type: 'http', scheme: 'bearer', description: 'A key of CLAIM_API_KEYS, for back ends' },
            claimToken: {
              type: 'http',
              scheme: 'bearer',
              bearerFormat: 'JWT',
              description: 'A token of CLAIM_JWT_ISSUER, for end users: its sub is the user',
            },
          },
        },
      },
      convertConstToEnum: false,
      refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => String($id ?? `schema-${index}`) },
      transform: ({ schema, url }) => ({ schema: describeRoute({ schema, url, schemes }), url }),
    });
  },
  { name: 'openapi' },
);
