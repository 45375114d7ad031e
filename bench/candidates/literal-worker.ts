/** The `literal` candidate's worker: one transaction for each job, a hundred jobs at a time. */
import { connectMongo } from '@flashclaim/store';
import { type Job, Worker } from 'bullmq';
import type { ClientSession } from 'mongodb';
import { setting } from '../env.ts';
import { LITERAL_QUEUE, type LiteralJob, type LiteralResult, redisOptions } from './literal-queue.ts';

const CONCURRENCY = 100;

const { client, coupons, claims } = await connectMongo(setting('MONGO_URI'), setting('MONGO_DB'), {
  maxPoolSize: CONCURRENCY,
});

const claim = async (session: ClientSession, job: Job<LiteralJob>): Promise<LiteralResult> => {
  const { userId, couponName } = job.data;
  const coupon = await coupons.findOne({ name: couponName }, { session });
  if (!coupon) return { refused: 'coupon_not_found' };
  // biome-ignore lint/plugin/wall-clock: a timestamp: when it was claimed.
  const now = new Date();
  const guard = { _id: coupon._id, remaining_amount: { $gte: 1 } };
  const change = { $inc: { remaining_amount: -1, issued: 1 }, $set: { updated_at: now } };
  const taken = await coupons.findOneAndUpdate(guard, change, { session, returnDocument: 'after' });
  if (!taken) return { refused: 'out_of_stock' };
  const claimId = `${job.id}`;
  const document = { _id: claimId, user_id: userId, coupon_id: coupon._id, coupon_name: couponName, claimed_at: now };
  await claims.insertOne({ ...document, sequence: taken.issued, ordinal: 1 }, { session });
  return { claimId, at: now.toISOString() };
};

const worker = new Worker<LiteralJob, LiteralResult>(
  LITERAL_QUEUE,
  (job) =>
    client.withSession((session) =>
      session.withTransaction(() => claim(session, job), { writeConcern: { w: 'majority', journal: true } }),
    ),
  { connection: redisOptions(setting('REDIS_URL')), concurrency: CONCURRENCY },
);
worker.on('error', (error) => console.error(`literal worker: ${error.message}`));
