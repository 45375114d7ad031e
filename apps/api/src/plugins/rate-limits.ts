import { hash } from 'node:crypto';
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
import { toProblem } from '../http/problem.ts';
import { StoreDownError } from '../stores/store-watch.ts';

/** The window of all limits. */
export const RATE_WINDOW_MS = 60_000;

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
  /** Claims in `RATE_WINDOW_MS`. */
  perAddress: number | undefined;
  perUser: number | undefined;
}

/** Optional limits for claims, counted in Redis for all API processes together. */
export const rateLimits = fp<RateLimitsOptions>(
  async (app, { perAddress, perUser }) => {
    const add = (name: string, max: number, options: RateLimitPluginOptions = {}) =>
      addLimit(app, { redis: app.redis, nameSpace: `${RATE_KEY_PREFIX}${name}:`, max, ...options });
    const byAddress = perAddress === undefined ? undefined : await add('address', perAddress);
    const byUser = perUser === undefined ? undefined : await add('user', perUser, { keyGenerator: userOf });
    app.decorate('addressLimit', byAddress ? [enforce(app, byAddress, 'this address')] : []);
    app.decorate('userLimit', byUser ? [enforce(app, byUser, 'this user')] : []);
  },
  { name: 'rate-limits', dependencies: ['redis', 'stores'] },
);

type Check = ReturnType<FastifyInstance['createRateLimit']>;
type Counted = Extract<Awaited<ReturnType<Check>>, { isAllowed: false }>;

/**
 * A limit, in a context of its own, because the library allows one for each. By default it counts by address, IPv6 by /64, in
 * the memory of this process.
 */
export const addLimit = async (app: FastifyInstance, options: RateLimitPluginOptions): Promise<Check> => {
  const { promise, resolve } = Promise.withResolvers<Check>();
  await app.register(async (context) => {
    await context.register(rateLimit, { global: false, timeWindow: RATE_WINDOW_MS, ...options });
    resolve(context.createRateLimit());
  });
  return promise;
};

/** A digest, so that all keys are equally long. */
const userOf = ({ body }: FastifyRequest): string =>
  hash('sha256', normaliseName((body as { user_id: string }).user_id), 'base64url').slice(0, 22);

/** Counts a claim of an address or a user, and rejects it where the limit is exceeded. */
const enforce =
  (app: FastifyInstance, check: Check, of: string) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const counted = await count(app, check, request);
    if (counted?.isExceeded) return rejectLimited(reply, counted, `claims of ${of} in ${RATE_WINDOW_MS / 1_000} s`);
    // The headers are those of the tighter limit.
    const otherRemaining = Number(reply.getHeader('ratelimit-remaining') ?? Number.POSITIVE_INFINITY);
    if (counted && counted.remaining <= otherRemaining) setLimitHeaders(reply, counted);
    return undefined;
  };

/** Answers 429. `what` is counted, in which time. */
export const rejectLimited = (reply: FastifyReply, counted: Counted, what: string): FastifyReply => {
  setLimitHeaders(reply, counted);
  reply.header('retry-after', secondsLeft(counted));
  const detail = `More than ${counted.max} ${what}. Try again after Retry-After seconds.`;
  return reply.send(toProblem(reply, 'rate_limited', detail));
};

/** Resolves to undefined where Redis is down: the limits must not delay the claim, which is then answered 503. */
const count = async (app: FastifyInstance, check: Check, request: FastifyRequest): Promise<Counted | undefined> => {
  try {
    const counted = await app.stores.redis.answer(() => check(request));
    return counted.isAllowed ? undefined : counted;
  } catch (error) {
    if (error instanceof StoreDownError) return undefined;
    throw error;
  }
};

const secondsLeft = ({ ttlInSeconds }: Counted): number => Math.max(1, ttlInSeconds);

const setLimitHeaders = (reply: FastifyReply, counted: Counted): void => {
  reply
    .header('ratelimit-limit', counted.max)
    .header('ratelimit-remaining', counted.remaining)
    .header('ratelimit-reset', secondsLeft(counted));
};
