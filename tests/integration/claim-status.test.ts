import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { findClaims } from '@flashclaim/api';
import {
  type Claim,
  JOB_DEADLINE_SECONDS,
  newCoupon,
  PENDING_RECORD_KEPT_SECONDS,
  PENDING_RECORDS_PER_READ_MAX,
} from '@flashclaim/core';
import { connectMongo, DatabaseClock, insertPendingClaims, type Mongo } from '@flashclaim/store';
import { BSON, type Timestamp } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { commitJob, jobOf } from '../support/job-of.ts';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
let mongo: Mongo;
const databaseClock = new DatabaseClock();
beforeAll(async () => {
  stores = await openStores();
  mongo = stores.mongo;
});
afterAll(() => stores.close());
beforeEach(() => databaseClock.ask(mongo.db));

const newClaim = (couponName = 'no such coupon'): Claim => ({ id: randomUUID(), userId: 'user', couponName });

/** Records a claim as pending in a job of its own, whose deadline lies so far ahead. Resolves to the job. */
const recordPending = async (claim: Claim, aheadSeconds = JOB_DEADLINE_SECONDS) => {
  const job = { ...(await jobOf(mongo, [claim])), deadline: databaseClock.now + aheadSeconds };
  const { id, userId, couponName } = claim;
  const place = { jobId: job.id, index: 0, deadline: job.deadline };
  await insertPendingClaims(mongo, [{ claimId: id, userId, couponName, place }]);
  return job;
};

const statusOf = async (claimId: string) => (await findClaims(mongo, [claimId])).get(claimId);

describe('the status of a claim', () => {
  test('is nothing for an id that nobody was given', async () => {
    expect(await findClaims(mongo, [randomUUID(), '/', '.*'])).toEqual(new Map());
  });

  test('is pending while its job has no record, and then what the record says', async () => {
    const claim = newClaim();
    const job = await recordPending(claim);
    expect(await statusOf(claim.id)).toEqual({
      ...{ claim_id: claim.id, status: 'pending', code: 'pending' },
      ...{ user_id: 'user', coupon_name: 'no such coupon' },
    });
    await commitJob(mongo, job);
    expect(await statusOf(claim.id)).toMatchObject({ status: 'refused', code: 'coupon_not_found' });
  });

  test('is pending while any job under its key is undecided, and then what the latest decision was', async () => {
    const claim = { ...newClaim('late coupon'), requestId: 'request 1' };
    // Two API processes may differ by seconds in what they take for database time: deadlines put nothing in order.
    const first = await recordPending(claim, JOB_DEADLINE_SECONDS + 5);
    await commitJob(mongo, first);
    const second = await recordPending({ ...claim, requestId: 'request 2' });
    expect(await statusOf(claim.id)).toMatchObject({ status: 'pending' });
    await mongo.coupons.insertOne(newCoupon({ name: 'late coupon', amount: 1 }, new Date()));
    await commitJob(mongo, await jobOf(mongo, [newClaim('late coupon')]));
    await commitJob(mongo, second);
    expect(await statusOf(claim.id)).toMatchObject({ status: 'refused', code: 'already_claimed' });
  });

  test('is recorded once for two requests under one key in one job, and again without harm', async () => {
    const { id: claimId, userId, couponName } = newClaim();
    const records = [0, 1].map((index) => ({
      claimId,
      userId,
      couponName,
      place: { jobId: 'job', index, deadline: 1 },
    }));
    await insertPendingClaims(mongo, records);
    await insertPendingClaims(mongo, records.toReversed());
    expect(await mongo.pendingClaims.find({ _id: `${claimId}/job` }).toArray()).toMatchObject([{ index: 0 }]);
  });

  test('is timed_out once the deadline of its job has passed, and stays so whatever a worker does later', async () => {
    await mongo.coupons.insertOne(newCoupon({ name: 'slow', amount: 1 }, new Date()));
    const claim = newClaim('slow');
    const job = await recordPending(claim, -1);
    expect(await statusOf(claim.id)).toMatchObject({ status: 'refused', code: 'timed_out', user_id: 'user' });
    // Also to a worker that still holds it for timely.
    const inTime = { ...job, deadline: job.deadline + JOB_DEADLINE_SECONDS };
    expect(await commitJob(mongo, inTime)).toMatchObject([{ decision: 'timed_out' }]);
    expect(await statusOf(claim.id)).toMatchObject({ status: 'refused', code: 'timed_out' });
    expect(await mongo.claims.countDocuments({ coupon_name: 'slow' })).toBe(0);
  });

  test('is what a worker decided, where that came just before the deadline was seen to have passed', async () => {
    const claim = newClaim();
    const job = await recordPending(claim, -1);
    await commitJob(mongo, { ...job, deadline: job.deadline + JOB_DEADLINE_SECONDS });
    expect(await statusOf(claim.id)).toMatchObject({ status: 'refused', code: 'coupon_not_found' });
  });

  test('is the same for many who ask at once for a claim that is too late', async () => {
    const claim = newClaim();
    await recordPending(claim, -1);
    const statuses = await Promise.all(Array.from({ length: 8 }, () => statusOf(claim.id)));
    for (const status of statuses) expect(status).toMatchObject({ code: 'timed_out' });
  });

  test('is found for each of many ids, also if one id has more records than one read returns', async () => {
    const crowded = newClaim();
    const others = Array.from({ length: 9 }, () => newClaim());
    for (const claim of others) await recordPending(claim);
    const decided = await recordPending(crowded);
    await commitJob(mongo, decided);
    const toRecord = (aheadSeconds: number) => (_: unknown, index: number) => {
      const deadline = decided.deadline + aheadSeconds;
      const jobId = `${deadline.toString(16)}-${randomUUID()}-${index}`;
      return { claimId: crowded.id, userId: 'user', couponName: 'none', place: { jobId, index: 0, deadline } };
    };
    const later = Array.from({ length: PENDING_RECORDS_PER_READ_MAX }, toRecord(1));
    await insertPendingClaims(mongo, later);
    // They were decided; the job before them may not be.
    const { decided_at } = (await mongo.jobRecords.findOne({ _id: decided.id })) as { decided_at: Timestamp };
    await mongo.jobRecords.insertMany(
      later.map(({ place: { jobId, deadline } }) => ({ _id: jobId, deadline: new Date(deadline * 1_000), decided_at })),
    );
    const find = async () =>
      findClaims(
        mongo,
        [...others, crowded].map(({ id }) => id),
      );
    const found = await find();
    expect(found.size).toBe(10);
    for (const { id } of [...others, crowded]) expect(found.get(id)).toMatchObject({ status: 'pending' });

    await mongo.pendingClaims.deleteMany({
      _id: { $in: later.map(({ claimId, place }) => `${claimId}/${place.jobId}`) },
    });
    const earlier = Array.from({ length: PENDING_RECORDS_PER_READ_MAX + 1 }, toRecord(-JOB_DEADLINE_SECONDS - 1));
    await insertPendingClaims(mongo, earlier);
    expect((await find()).get(crowded.id)).toMatchObject({ status: 'refused' });
  });

  test('is nothing any more once its records may be gone, whether or not MongoDB has deleted them', async () => {
    const claim = newClaim();
    await recordPending(claim, -PENDING_RECORD_KEPT_SECONDS - 1);
    expect(await statusOf(claim.id)).toBeUndefined();
  });
});

test('a pending claim is not taken for recorded where the connection breaks', async () => {
  const sockets: Socket[] = [];
  const remember = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', remember);
  onTestFinished(() => void unsubscribe('net.client.socket', remember));
  // A retry of the driver would hide it.
  const other = await connectMongo(`${stores.env.MONGO_URI}&retryWrites=false`, stores.env.MONGO_DB, {});
  onTestFinished(() => other.client.close());
  const { id: claimId, userId, couponName } = newClaim();
  const place = { jobId: 'job', index: 0, deadline: 1 };
  await insertPendingClaims(other, [{ claimId: randomUUID(), userId, couponName, place }]);
  const inserted = insertPendingClaims(other, [{ claimId, userId, couponName, place }]);
  for (const socket of sockets) socket.destroy();
  await expect(inserted).rejects.toThrow();
});

test('a pending record of a usual claim takes at most 250 bytes', async () => {
  const claim = { ...newClaim('FLASH_SALE_2024'), userId: randomUUID() };
  const job = await jobOf(mongo, [claim], '6b49d200-api-0123456789ab-1234567');
  const place = { jobId: job.id, index: 1_999, deadline: job.deadline };
  await insertPendingClaims(mongo, [{ claimId: claim.id, userId: claim.userId, couponName: claim.couponName, place }]);
  const stored = await mongo.pendingClaims.findOne({ user_id: claim.userId });
  expect(BSON.calculateObjectSize(stored ?? {})).toBeLessThanOrEqual(250);
});
