import { ClaimPath, OVERLOADED, PendingSize, StoreWatch, WaitingClaim } from '@flashclaim/api';
import { openQueue } from '@flashclaim/lanes';
import { DatabaseClock, insertPendingClaims } from '@flashclaim/store';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

let stores: TestStores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores.close());

const log = { info: () => {}, warn: () => {} };
const place = { jobId: 'job', index: 0, deadline: 1 };

/** The claim path of an API, and no worker. */
const openPath = async (arePendingClaimsFull: () => boolean): Promise<ClaimPath> => {
  const { mongo, redis } = stores;
  const databaseClock = new DatabaseClock();
  await databaseClock.ask(mongo.db);
  const watch = (name: string, ask: () => Promise<unknown>) => {
    const opened = new StoreWatch({ name, ask, isFault: () => false, log });
    onTestFinished(() => opened.close());
    return opened;
  };
  const queue = openQueue(0, redis);
  onTestFinished(() => queue.close());
  const claimPath = new ClaimPath({
    queues: [queue],
    ...{ mongo, databaseClock, log, arePendingClaimsFull, waitMaxMs: 1, pendingMax: 100 },
    stores: { redis: watch('Redis', () => redis.ping()), mongo: watch('MongoDB', () => mongo.db.command({ ping: 1 })) },
    eventLoop: { isSlow: false },
  });
  onTestFinished(() => claimPath.close());
  return claimPath;
};

test('no claim is answered `pending` while MongoDB contains as many pending records as it may', async () => {
  const warn = vi.fn();
  const size = new PendingSize({ mongo: stores.mongo, log: { warn }, bytesMax: 0 });
  onTestFinished(() => size.close());
  const claimPath = await openPath(() => size.isFull);
  const request = { userId: 'user', couponName: 'coupon' };
  expect(claimPath.submit({ ...request, waitMs: 0 })).toBeInstanceOf(WaitingClaim);

  await insertPendingClaims(stores.mongo, [{ claimId: 'id', ...request, place }]);
  await until(async () => size.isFull);
  expect(warn).toHaveBeenCalledOnce();
  // Who does not wait at all is not taken; who waits may still be decided in time.
  expect(claimPath.submit({ ...request, waitMs: 0 })).toBe(OVERLOADED);
  const claim = claimPath.submit({ ...request, waitMs: 1 }) as WaitingClaim;
  expect(await claimPath.answer(claim)).toBe('unknown');

  await stores.mongo.pendingClaims.deleteMany({});
  await until(async () => !size.isFull);
  expect(await claimPath.answer(claim)).toBe('pending');
});
