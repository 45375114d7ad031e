import {
  createSubmit,
  Gather,
  OVERLOADED,
  PendingClaims,
  PendingSize,
  StoreWatch,
  WaitingClaim,
} from '@flashclaim/api';
import { insertPendingClaims } from '@flashclaim/service';
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

/** The parts of an API that tell its callers `pending`, and a lane whose jobs are never answered. */
const openParts = (isFull: () => boolean) => {
  const { mongo } = stores;
  const mongoWatch = new StoreWatch({
    name: 'MongoDB',
    ask: () => mongo.db.command({ ping: 1 }),
    isFault: () => false,
    log,
  });
  onTestFinished(() => mongoWatch.close());
  const pendingClaims = new PendingClaims({ mongo, mongoWatch, isFull, log });
  const send = async (claims: readonly WaitingClaim[]) => {
    for (const [index, claim] of claims.entries()) claim.enqueued({ ...place, index });
  };
  const submit = createSubmit({
    ...{ gathers: [new Gather({ underWayMax: 1, send })], mongo, mongoWatch, log, waitMaxMs: 1 },
    intake: { refusal: undefined, taken: () => {} } as unknown as Parameters<typeof createSubmit>[0]['intake'],
    pendingClaims,
  });
  return { pendingClaims, submit };
};

test('where MongoDB holds as many pending claims as it may, nobody is told pending', async () => {
  const warn = vi.fn();
  const size = new PendingSize({ mongo: stores.mongo, log: { warn }, bytesMax: 0 });
  onTestFinished(() => size.close());
  const { pendingClaims, submit } = openParts(() => size.isFull);
  const request = { userId: 'user', couponName: 'coupon' };
  expect(submit({ ...request, waitMs: 0 })).toBeInstanceOf(WaitingClaim);

  await insertPendingClaims(stores.mongo, [{ claimId: 'id', ...request, place }]);
  await until(async () => size.isFull);
  expect(warn).toHaveBeenCalledOnce();
  // Who does not wait at all is not taken; who waits may still be decided in time.
  expect(submit({ ...request, waitMs: 0 })).toBe(OVERLOADED);
  const claim = submit({ ...request, waitMs: 1 }) as WaitingClaim;
  expect(await claim.answer).toBe('pending');
  expect(await pendingClaims.tell(claim)).toBe('unknown');

  await stores.mongo.pendingClaims.deleteMany({});
  await until(async () => !size.isFull);
  expect(await pendingClaims.tell(claim)).toBe('pending');
});
