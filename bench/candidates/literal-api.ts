/** The `literal` candidate's API: adds a job for each claim, and waits for that job. */
import { PROBLEMS, type ProblemCode } from '@flashclaim/core';
import { Queue, QueueEvents } from 'bullmq';
import { setting } from '../env.ts';
import { claimed, serveClaims } from './claim-server.ts';
import { LITERAL_QUEUE, type LiteralJob, type LiteralResult, redisOptions } from './literal-queue.ts';

const connection = redisOptions(setting('REDIS_URL'));
const queue = new Queue<LiteralJob, LiteralResult, 'claim'>(LITERAL_QUEUE, { connection });
const events = new QueueEvents(LITERAL_QUEUE, { connection });
// This design has one listener for each waiting claim, so the warning is off.
events.setMaxListeners(0);
queue.setMaxListeners(0);
await events.waitUntilReady();

await serveClaims(async (userId, couponName) => {
  const job = await queue.add('claim', { userId, couponName }, { removeOnComplete: 10_000, removeOnFail: 10_000 });
  const result = await job.waitUntilFinished(events);
  if ('refused' in result) return { refused: result.refused, status: PROBLEMS[result.refused as ProblemCode].status };
  return claimed(result.claimId, userId, couponName, new Date(result.at));
});
