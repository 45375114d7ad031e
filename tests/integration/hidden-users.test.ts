import { type ClaimJobResult, newCoupon } from '@flashclaim/core';
import { isDuplicateKey } from '@flashclaim/store';
import { runJob } from '@flashclaim/worker';
import { type Job, UnrecoverableError } from 'bullmq';
import { MongoBulkWriteError, ObjectId } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newClaim } from '../support/documents.ts';
import { openStores, type TestStores } from '../support/stores.ts';

const USER = 'margaret "} hamilton';
const JOB = {
  id: '1',
  queueName: 'lane-0',
  data: { v: 4, id: 'job', deadline: 1, replyTo: 'api', coupons: ['one'], claims: [['id', USER, 0]] },
};

let stores: TestStores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores.close());

/** What a job ends with whose transaction ends so. */
const failWith = async (add: () => Promise<ClaimJobResult>, job: object = JOB): Promise<Error> => {
  const parts = { group: { add }, redis: stores.redis, log: console } as never;
  return runJob(parts, job as Job).then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  );
};

test('a duplicate key error loses the user that MongoDB names in it, and stays the same error', async () => {
  const { coupons, claims } = stores.mongo;
  const { insertedId: coupon_id } = await coupons.insertOne(newCoupon({ name: 'one', amount: 2 }, new Date()));
  const coupon = { _id: coupon_id, name: 'one' };
  let said = '';
  const error = await failWith(async () => {
    await claims
      .insertMany([newClaim(coupon, 1, { user_id: USER }), newClaim(coupon, 2, { user_id: USER })])
      .catch((thrown: Error) => {
        said = thrown.message;
        throw thrown;
      });
    throw new Error('nothing was thrown');
  });
  expect(said).toContain('margaret');
  expect(error).toBeInstanceOf(MongoBulkWriteError);
  expect(isDuplicateKey(error)).toBe(true);
  expect(error.message).toMatch(/^E11000 duplicate key error .*dup key: \{…\}$/);
  expect(error.stack).toMatch(/dup key: \{…\}\n +at /);
  expect(error.message + error.stack).not.toContain('hamilton');
});

test('any other error is left alone', async () => {
  const thrown = new UnrecoverableError(`about ${new ObjectId()}`);
  const { message, stack } = thrown;
  const error = await failWith(() => Promise.reject(thrown));
  expect(error).toBe(thrown);
  expect(error).toMatchObject({ message, stack });
  expect(await failWith(() => Promise.reject(thrown), { ...JOB, data: {} })).toBeInstanceOf(UnrecoverableError);
});
