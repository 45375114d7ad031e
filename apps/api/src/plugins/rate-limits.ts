import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit';
import { normaliseName } from '@flashclaim/core';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  preHandlerAsyncHookHandler,
} from 'fastify';
import fp from 'fastify-plugin';
import { channels } from '../claims/channels.ts';
import { toProblem } from '../http/problem.ts';
import { StoreDownError } from '../stores/store-watch.ts';

/** The window of all limits. */
const RATE_WINDOW_SECONDS = 60;

/** The prefix of the Redis keys that count claims. */
const RATE_KEY_PREFIX = 'flashclaim:rate:';

declare module 'fastify' {
  interface FastifyInstance {
    /** `onRequest` of a claim: the limit of its address; none where it is not set. */
    addressLimit: onRequestAsyncHookHandler[];
    /** `preHandler` of a claim: the limit of its user, who is verified by then; none where it is not set. */
    userLimit: preHandlerAsyncHookHandler[];
  }
}

export interface RateLimitsOptions {
  /** Claims in `RATE_WINDOW_SECONDS`. */
  perAddress: number | undefined;
  perUser: number | undefined;
}

/** Optional limits for claims, counted in Redis for all API processes together. */
export const rateLimits = fp<RateLimitsOptions>(
  async (app, { perAddress, perUser }) => {
    const add = async (of: string, max: number, options: RateLimitPluginOptions = {}) => {
      const inRedis = { redis: app.redis, nameSpace: `${RATE_KEY_PREFIX}${of}:` };
      return enforce(app, await addLimit(app, of, max, { ...inRedis, ...options }));
    };
    app.decorate('addressLimit', perAddress === undefined ? [] : [await add('address', perAddress)]);
    app.decorate('userLimit', perUser === undefined ? [] : [await add('user', perUser, { keyGenerator: userOf })]);
  },
  { name: 'rate-limits', dependencies: ['redis', 'stores'] },
);

type Check = ReturnType<FastifyInstance['createRateLimit']>;
type Counted = Extract<Awaited<ReturnType<Check>>, { isAllowed: false }>;

export interface Limit {
  /** What is counted, as the headers name it. */
  of: string;
  max: number;
  check: Check;
}

/**
 * A limit, in a context of its own, because the library allows one for each. By default it counts by address, IPv6 by /64, in
 * the memory of this process.
 */
export const addLimit = async (
  app: FastifyInstance,
  of: string,
  max: number,
  options: RateLimitPluginOptions,
): Promise<Limit> => {
  const { promise, resolve } = Promise.withResolvers<Check>();
  await app.register(async (context) => {
    const keyGenerator = addressOf;
    const common = { global: false, timeWindow: RATE_WINDOW_SECONDS * 1_000, max, keyGenerator };
    await context.register(rateLimit, { ...common, ...options });
    resolve(context.createRateLimit());
  });
  return { of, max, check: await promise };
};

/**
 * The address of a caller, IPv6 by /64. A proxy may pass on any text as an address: then it is that of the proxy. A connection
 * that was reset has none.
 */
const addressOf = ({ ip, socket }: FastifyRequest): string => {
  const address = isIP(ip ?? '') ? ip : socket.remoteAddress;
  return address === undefined ? 'reset' : rateLimit.normalizeIP(address);
};

/** A digest, so that all keys are equally long. */
const userOf = ({ body }: FastifyRequest): string =>
  hash('sha256', normaliseName((body as { user_id: string }).user_id), 'base64url').slice(0, 22);

/** Counts a claim of an address or a user, and rejects it where the limit is exceeded. */
const enforce =
  (app: FastifyInstance, limit: Limit) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const counted = await count(app, limit, request);
    if (counted?.isExceeded) {
      channels.reject.publish('rate_limited');
      return rejectLimited(reply, limit, counted, `claims of this ${limit.of}`);
    }
    if (counted) addLimitHeaders(reply, limit, counted);
    return undefined;
  };

/** Answers 429. `what` is counted. */
export const rejectLimited = (reply: FastifyReply, limit: Limit, counted: Counted, what: string): FastifyReply => {
  addLimitHeaders(reply, limit, counted);
  reply.header('retry-after', secondsLeft(counted));
  const detail = `More than ${limit.max} ${what} in ${RATE_WINDOW_SECONDS} s. Try again after Retry-After seconds.`;
  return reply.send(toProblem(reply, 'rate_limited', detail));
};

/** Resolves to undefined where Redis is down: the limits must not delay the claim, which is then answered 503. */
const count = async (app: FastifyInstance, { check }: Limit, request: FastifyRequest): Promise<Counted | undefined> => {
  try {
    const counted = await app.stores.redis.answer(() => check(request));
    return counted.isAllowed ? undefined : counted;
  } catch (error) {
    if (error instanceof StoreDownError) return undefined;
    throw error;
  }
};

const secondsLeft = ({ ttlInSeconds }: Counted): number => Math.max(1, ttlInSeconds);

/** The headers of draft-ietf-httpapi-ratelimit-headers. Both are lists with a member for each limit. */
const addLimitHeaders = (reply: FastifyReply, { of, max }: Limit, counted: Counted): void => {
  addToList(reply, 'ratelimit-policy', `"${of}";q=${max};w=${RATE_WINDOW_SECONDS}`);
  addToList(reply, 'ratelimit', `"${of}";r=${counted.remaining};t=${secondsLeft(counted)}`);
};

const addToList = (reply: FastifyReply, name: string, member: string): void => {
  const members = reply.getHeader(name);
  reply.header(name, members === undefined ? member : `${members}, ${member}`);
};
