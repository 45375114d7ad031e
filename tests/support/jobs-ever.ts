import type { Redis } from 'ioredis';

/** How many jobs were ever added to any lane: BullMQ counts them, also those that are done and removed. */
export const jobsEver = async (redis: Redis): Promise<number> => {
  const counters = await redis.keys('*:lane-*:id');
  const counts = await Promise.all(counters.map((key) => redis.get(key)));
  return counts.reduce((sum, count) => sum + Number(count), 0);
};
