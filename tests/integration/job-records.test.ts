import { randomUUID } from 'node:crypto';
import { type Claim, type ClaimJobResult, decodeResult, type Job, newCoupon } from '@flashclaim/core';
import { connectMongo, type Mongo } from '@flashclaim/store';
import { CouponCache, commitJobs } from '@flashclaim/worker';
import { Timestamp } from 'mongodb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectExact } from '../support/expect-exact.ts';
import { commitJob, jobOf } from '../support/job-of.ts';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
let mongo: Mongo;
/** Another worker has a connection of its own. */
let other: Mongo;
beforeEach(async () => {
  stores = await openStores();
  mongo = stores.mongo;
  other = await connectMongo(stores.env.MONGO_URI, stores.env.MONGO_DB, {});
});
afterEach(async () => {
  await other.client.close();
  await stores.close();
});

const COUPON = 'coupon';
const addCoupon = (amount = 1) => mongo.coupons.insertOne(newCoupon({ name: COUPON, amount }, new Date()));
const restock = () => mongo.coupons.updateOne({ name: COUPON }, { $inc: { amount: 1, remaining_amount: 1 } });

const claimOf = (userId: string, requestId?: string): Claim => ({
  id: randomUUID(),
  userId,
  couponName: COUPON,
  ...(requestId && { requestId }),
});

const decisionsOf = async (...run: Parameters<typeof commitJob>) =>
  (await commitJob(...run)).map(({ decision }) => decision);

/**
 * Starts a run and holds it where it is about to write, after its reads. Resolves, once it is there, to the function that lets
 * it go on and resolves to its decisions.
 */
const holdBeforeWrites = async (job: Job): Promise<() => Promise<string[]>> => {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const command = other.db.command.bind(other.db);
  other.db.command = async (...write) => {
    other.db.command = command;
    reached.resolve();
    await gate.promise;
    return command(...write);
  };
  const run = decisionsOf(other, job);
  await reached.promise;
  return () => {
    gate.resolve();
    return run;
  };
};

test('two runs of a job at once decide the same, also where the coupon is created between their reads', async () => {
  const job = await jobOf(mongo, [claimOf('user')]);
  const goOn = await holdBeforeWrites(job);
  await addCoupon();
  expect(await decisionsOf(mongo, job)).toEqual(['claimed']);
  expect(await goOn()).toEqual(['claimed']);
  await expectExact(mongo);
});

test('a run that refused is the word of its job, also to a slow run that read before and could grant', async () => {
  await addCoupon();
  const job = await jobOf(mongo, [claimOf('user')]);
  const goOn = await holdBeforeWrites(job);
  expect(await decisionsOf(mongo, await jobOf(mongo, [claimOf('winner')]))).toEqual(['claimed']);
  expect(await decisionsOf(mongo, job)).toEqual(['out_of_stock']);
  await restock();
  expect(await goOn()).toEqual(['out_of_stock']);
  expect(await mongo.claims.countDocuments()).toBe(1);
  await expectExact(mongo);
});

test('a job that refused and runs again after a restock refuses again, word for word', async () => {
  const job = await jobOf(mongo, [claimOf('user')]);
  const first = await commitJob(mongo, job);
  await addCoupon(5);
  expect(await commitJob(other, job)).toEqual(first);
  expect(first).toMatchObject([{ decision: 'coupon_not_found' }]);
  expect(await mongo.claims.countDocuments()).toBe(0);
});

test('a job that comes after its deadline expires: nothing is granted, in this run or in any other', async () => {
  await addCoupon();
  const job = await jobOf(mongo, [claimOf('user'), claimOf('second')]);
  const late = { ...job, deadline: job.deadline - 1_000 };
  expect(await decisionsOf(mongo, late)).toEqual(['timed_out', 'timed_out']);
  // Its record decides, and not the clock.
  expect(await decisionsOf(other, job)).toEqual(['timed_out', 'timed_out']);
  expect(await mongo.claims.countDocuments()).toBe(0);
  expect(await mongo.jobRecords.findOne({ _id: job.id })).toEqual({
    ...{ _id: job.id, deadline: new Date(late.deadline * 1_000) },
    decided_at: expect.any(Timestamp),
  });
});

test('an expiry that is recorded while a run is open wins over it', async () => {
  await addCoupon();
  const job = await jobOf(mongo, [claimOf('user')]);
  const goOn = await holdBeforeWrites(job);
  expect(await decisionsOf(mongo, { ...job, deadline: 1 })).toEqual(['timed_out']);
  expect(await goOn()).toEqual(['timed_out']);
  await expectExact(mongo);
});

test('an existing claim outranks the record of a refusal, under its idempotency key', async () => {
  const claim = claimOf('user', 'request 1');
  const job = await jobOf(mongo, [claim]);
  expect(await decisionsOf(mongo, job)).toEqual(['coupon_not_found']);
  await addCoupon();
  const retry = await jobOf(mongo, [{ ...claim, requestId: 'request 2' }]);
  expect(await decisionsOf(mongo, retry)).toEqual(['claimed']);
  expect(await decisionsOf(mongo, job)).toEqual(['replayed']);
  // Another user who used the key is refused as before.
  const stolen = await jobOf(mongo, [{ ...claim, userId: 'another', requestId: 'request 3' }]);
  expect(await decisionsOf(mongo, stolen)).toEqual(['idempotency_key_reused']);
  expect(await decisionsOf(mongo, stolen)).toEqual(['idempotency_key_reused']);
});

test('jobs that share a transaction have a record each, and one that was decided before takes no other along', async () => {
  await addCoupon(2);
  const [first, second] = [await jobOf(mongo, [claimOf('first')]), await jobOf(mongo, [claimOf('second')])];
  const before = await commitJob(mongo, first);
  const parts = { mongo, cache: new CouponCache() };
  const results = await commitJobs(parts, [first, second]);
  expect([...results].map(([id, { decisions }]) => [id, decisions])).toEqual([
    [second.id, 'C'],
    [first.id, 'C'],
  ]);
  expect(decodeResult(results.get(first.id) as ClaimJobResult, first.claims)).toEqual(before);
  expect(await mongo.jobRecords.distinct('_id')).toEqual([first.id, second.id].sort());
  await expectExact(mongo);
});

test('a record that belongs to another job fails the job, and names it', async () => {
  await addCoupon(5);
  const job = await jobOf(mongo, [claimOf('user')]);
  await commitJob(mongo, job);
  const impostor = { ...job, claims: [claimOf('somebody else')] };
  await expect(commitJob(mongo, impostor)).rejects.toThrow(`the record of job ${job.id} belongs to another job`);
  expect(await mongo.claims.countDocuments()).toBe(1);
});

test('a deadline that is absurdly far fails the job, and nothing is granted', async () => {
  await addCoupon();
  const job = await jobOf(mongo, [claimOf('user')]);
  const far = { ...job, deadline: job.deadline + 86_400 };
  await expect(commitJob(mongo, far)).rejects.toThrow(/the deadline of job .* is 87300 s ahead; 900 s is the most/);
  expect(await mongo.claims.countDocuments()).toBe(0);
  expect(await mongo.jobRecords.countDocuments()).toBe(0);
});

test('a grant of a coupon that was deleted and created again is not repeated when its job runs again', async () => {
  await addCoupon();
  const job = await jobOf(mongo, [claimOf('user')]);
  const first = await commitJob(mongo, job);
  await mongo.coupons.deleteOne({ name: COUPON });
  await addCoupon(3);
  expect(await commitJob(mongo, job)).toEqual(first);
  expect((await mongo.coupons.findOne({ name: COUPON }))?.remaining_amount).toBe(3);
});

test('a refusal that is repeated is no claim of a coupon that was deleted, although that claim exists', async () => {
  await addCoupon();
  const claim = claimOf('user', 'request 1');
  expect(await decisionsOf(mongo, await jobOf(mongo, [claim]))).toEqual(['claimed']);
  await mongo.coupons.deleteOne({ name: COUPON });
  const afterDelete = await jobOf(mongo, [{ ...claim, requestId: 'request 2' }]);
  for (const run of [mongo, other]) expect(await decisionsOf(run, afterDelete)).toEqual(['coupon_not_found']);
  await addCoupon();
  const afterCreate = await jobOf(mongo, [{ ...claim, requestId: 'request 3' }]);
  for (const run of [mongo, other]) expect(await decisionsOf(run, afterCreate)).toEqual(['idempotency_key_reused']);
});

test('a job of a coupon that can not be written expires, and is refused once the coupon is paused', async () => {
  await addCoupon(5);
  const cache = new CouponCache();
  expect(await decisionsOf(mongo, await jobOf(mongo, [claimOf('first')]), cache)).toEqual(['claimed']);
  // As by a repair that went wrong: nothing can be added to a text.
  const repair = (fields: object) =>
    mongo.db.collection('coupons').updateOne({ name: COUPON }, { $set: fields }, { bypassDocumentValidation: true });
  await repair({ issued: '1' });
  const job = await jobOf(mongo, [claimOf('user')]);
  await expect(commitJob(mongo, job, cache)).rejects.toThrow();
  const late = await jobOf(mongo, [claimOf('late')]);
  expect(await decisionsOf(mongo, { ...late, deadline: late.deadline - 1_000 }, cache)).toEqual(['timed_out']);
  await repair({ paused: true });
  expect(await decisionsOf(mongo, job, cache)).toEqual(['paused']);
});
