import type { Redis } from 'ioredis';

/** The number of jobs that were ever added to any lane. BullMQ counts finished and removed jobs too. */
export const countAddedJobs = async (redis: Redis): Promise<number> => {
  const counters = await redis.keys('*:lane-*:id');
  const counts = await Promise.all(counters.map((key) => redis.get(key)));
  return counts.reduce((sum, count) => sum + Number(count), 0);
};
