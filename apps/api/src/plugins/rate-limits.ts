import { hash } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import { normaliseName } from '@flashclaim/core';
import type { FastifyInstance, FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify';
import fp from 'fastify-plugin';
import { toProblem } from '../http/problem.ts';
import { StoreDownError } from '../stores/store-watch.ts';

/** The window of the limits for an address and a user. */
const RATE_WINDOW_MS = 60_000;

/** The prefix of the Redis keys that count claims. */
const RATE_KEY_PREFIX = 'flashclaim:rate:';

declare module 'fastify' {
  interface FastifyInstance {
    /** The hooks that count claims against the limits; none where no limit is set. */
    claimLimits: preHandlerAsyncHookHandler[];
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
    const limits: Limit[] = [];
    if (perAddress !== undefined)
      limits.push({ of: 'this address', check: await addLimit(app, 'address', perAddress) });
    if (perUser !== undefined) limits.push({ of: 'this user', check: await addLimit(app, 'user', perUser, userOf) });
    app.decorate('claimLimits', limits.length > 0 ? [enforce(app, limits)] : []);
  },
  { name: 'rate-limits', dependencies: ['redis', 'stores'] },
);

type Check = ReturnType<FastifyInstance['createRateLimit']>;
type Counted = Extract<Awaited<ReturnType<Check>>, { isAllowed: false }>;

interface Limit {
  /** Whose claims are counted, as the problem names it. */
  of: string;
  check: Check;
}

/** In a context of its own, because the library allows one limit for each. It counts by address by default, IPv6 by /64. */
const addLimit = async (
  app: FastifyInstance,
  name: string,
  max: number,
  keyGenerator?: (request: FastifyRequest) => string,
): Promise<Check> => {
  const { promise, resolve } = Promise.withResolvers<Check>();
  await app.register(async (context) => {
    await context.register(rateLimit, {
      global: false,
      redis: app.redis,
      nameSpace: `${RATE_KEY_PREFIX}${name}:`,
      timeWindow: RATE_WINDOW_MS,
      max,
      ...(keyGenerator && { keyGenerator }),
    });
    resolve(context.createRateLimit());
  });
  return promise;
};

/** A digest, so that all keys are equally long. */
const userOf = ({ body }: FastifyRequest): string =>
  hash('sha256', normaliseName((body as { user_id: string }).user_id), 'base64url').slice(0, 22);

/** Counts a claim against each limit in turn, until one is exceeded. */
const enforce =
  (app: FastifyInstance, limits: readonly Limit[]): preHandlerAsyncHookHandler =>
  async (request, reply) => {
    let tightest: Counted | undefined;
    for (const { of, check } of limits) {
      const counted = await count(app, check, request);
      if (counted?.isExceeded) {
        setLimitHeaders(reply, counted);
        reply.header('retry-after', secondsLeft(counted));
        const detail = `More than ${counted.max} claims of ${of} in ${RATE_WINDOW_MS / 1_000} s. Try again after Retry-After seconds.`;
        return reply.send(toProblem(reply, 'rate_limited', detail));
      }
      if (counted && counted.remaining <= (tightest?.remaining ?? counted.remaining)) tightest = counted;
    }
    if (tightest) setLimitHeaders(reply, tightest);
    return undefined;
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
