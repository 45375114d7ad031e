import type { ClaimFields, CouponFields } from '@flashclaim/core';
import { percentile } from '@flashclaim/load';
import { COLLECTIONS } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { MongoClient, ObjectId } from 'mongodb';
import { openCouponStore } from '../candidates/coupon-store.ts';
import { watch } from '../measure/watch.ts';
import { PLENTY } from './claim-run.ts';
import { compareCandidates } from './compare-candidates.ts';
import { type Bench, type Contestant, contestantOf } from './load.ts';

/** The cost of the transaction of a claim alone: the driver, without HTTP and queue. */
const directTransactions = async (bench: Bench): Promise<Contestant> => {
  const { stack, onDone } = bench;
  const { mongoDb } = await stack.newDatabases();
  const store = await openCouponStore(stack.mongoUri, mongoDb);
  const client = new MongoClient(stack.mongoUri);
  onDone(async () => {
    await client.close();
    await store.close();
  });
  return contestantOf('direct', bench, async (id, seconds) => {
    await store.add({ names: [id], amount: PLENTY });
    const coupon = await store.mongo.coupons.findOne({ name: id });
    if (!coupon) throw new Error(`coupon ${id} was not added`);
    const times: number[] = [];
    const processes = { api: [], worker: [], redis: [], mongod: [stack.mongodPid] };
    const watched = watch(processes);
    const end = performance.now() + seconds * 1000;
    for (let start = performance.now(); start < end; start = performance.now()) {
      await claimDirectly(client, client.db(mongoDb), {
        couponId: coupon._id,
        couponName: id,
        userId: `${id}-${times.length}`,
      });
      times.push(performance.now() - start);
    }
    const { cpuSeconds, peakMb } = watched.end();
    return {
      perSecond: times.length / seconds,
      p50Ms: percentile(times, 50),
      p95Ms: percentile(times, 95),
      p99Ms: percentile(times, 99),
      cpuSeconds: { mongod: ((cpuSeconds.mongod ?? Number.NaN) / times.length) * 10_000 },
      peakMb,
    };
  });
};

interface DirectClaim {
  couponId: ObjectId;
  couponName: string;
  userId: string;
}

/** Guarded update, insert, commit: the fewest commands of a claim. */
const claimDirectly = (client: MongoClient, db: Db, claim: DirectClaim): Promise<void> =>
  client.withSession(async (session) => {
    const coupons = db.collection<CouponFields>(COLLECTIONS.coupons);
    const claims = db.collection<ClaimFields<ObjectId>>(COLLECTIONS.claims);
    session.startTransaction({ writeConcern: { w: 'majority', journal: true } });
    // biome-ignore lint/plugin/wall-clock: a timestamp: when it was claimed.
    const now = new Date();
    const guard = { name: claim.couponName, remaining_amount: { $gte: 1 } };
    const change = { $inc: { remaining_amount: -1, issued: 1 }, $set: { updated_at: now } };
    const taken = await coupons.findOneAndUpdate(guard, change, { session, returnDocument: 'after' });
    if (!taken) throw new Error(`coupon ${claim.couponName} has no unit left`);
    const document = {
      _id: new ObjectId().toHexString(),
      user_id: claim.userId,
      coupon_id: claim.couponId,
      coupon_name: claim.couponName,
      claimed_at: now,
      sequence: taken.issued,
      ordinal: 1 as const,
    };
    await claims.insertOne(document, { session });
    await session.commitTransaction();
  });

export const oneConnection = compareCandidates({
  name: 'hot-1',
  title: 'one hot coupon, 1 connection (direct: the transaction alone, run with the driver)',
  connections: 1,
  also: directTransactions,
});
