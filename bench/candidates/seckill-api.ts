/** The only process of the `seckill` candidate. */
import { randomUUID } from 'node:crypto';
import { PROBLEMS } from '@flashclaim/core';
import { Redis } from 'ioredis';
import { setting } from '../env.ts';
import { claimed, type Decision, serveClaims } from './claim-server.ts';
import { STREAM_KEY, stockKey, usersKey } from './seckill-keys.ts';

const DECIDE = `
local stock = redis.call('GET', KEYS[1])
if not stock then return 'coupon_not_found' end
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return 'already_claimed' end
if tonumber(stock) < 1 then return 'out_of_stock' end
redis.call('DECR', KEYS[1])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('XADD', KEYS[3], '*', 'claim', ARGV[2], 'user', ARGV[1], 'coupon', ARGV[3])
return 'claimed'
`;

type Outcome = 'claimed' | 'coupon_not_found' | 'already_claimed' | 'out_of_stock';

// Sends the commands of one turn of the event loop together, as a good implementation would.
const redis = new Redis(setting('REDIS_URL'), {
  enableAutoPipelining: true,
  scripts: { decide: { lua: DECIDE, numberOfKeys: 3 } },
}) as Redis & { decide(...args: string[]): Promise<Outcome> };

await serveClaims(async (userId, couponName): Promise<Decision> => {
  const claimId = randomUUID();
  const keys = [stockKey(couponName), usersKey(couponName), STREAM_KEY];
  const outcome = await redis.decide(...keys, userId, claimId, couponName);
  if (outcome !== 'claimed') return { refused: outcome, status: PROBLEMS[outcome].status };
  // biome-ignore lint/plugin/wall-clock: a timestamp: when it was claimed.
  return claimed(claimId, userId, couponName, new Date());
});
