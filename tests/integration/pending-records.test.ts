import { randomUUID } from 'node:crypto';
import { OUTCOME_KEPT_SECONDS, PENDING_KEPT_SECONDS, pendingClaimKey } from '@flashclaim/core';
import { type PendingRecord, readPendingRecord, writePendingRecord } from '@flashclaim/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores.close());

const recordOf = (jobId: string, at: number): PendingRecord => ({
  userId: '"\u{1f39f}\\',
  couponName: 'coupon',
  place: { lane: 1, jobId, index: 0, at },
});

test('of the requests under one key, the one that came into a job last is kept', async () => {
  const id = randomUUID();
  const [early, late] = [recordOf('early', 1_000), recordOf('late', 1_001)];
  const write = async (record: PendingRecord) => {
    await writePendingRecord(stores.redis, id, record);
    return readPendingRecord(stores.redis, id);
  };
  expect(await write(early)).toEqual(early);
  expect(await write(late)).toEqual(late);
  // The earlier one's wait ends later, or it is refused after the later one was told `pending`.
  expect(await write(early)).toEqual(late);
  expect(await write({ ...early, decision: 'out_of_stock' })).toEqual(late);
  const decided: PendingRecord = { ...late, decision: 'already_claimed' };
  expect(await write(decided)).toEqual(decided);
});

test('it is kept for a day while nothing is decided, and then for an hour', async () => {
  const id = randomUUID();
  const record = recordOf('job', 1_000);
  const secondsLeft = () => stores.redis.ttl(pendingClaimKey(id));
  await writePendingRecord(stores.redis, id, record);
  expect(await secondsLeft()).toBeGreaterThan(OUTCOME_KEPT_SECONDS);
  expect(await secondsLeft()).toBeLessThanOrEqual(PENDING_KEPT_SECONDS);
  await writePendingRecord(stores.redis, id, { ...record, decision: 'out_of_stock' });
  expect(await secondsLeft()).toBeGreaterThan(0);
  expect(await secondsLeft()).toBeLessThanOrEqual(OUTCOME_KEPT_SECONDS);
});

test('nothing is known of a claim that was not told pending', async () => {
  expect(await readPendingRecord(stores.redis, randomUUID())).toBeUndefined();
});
