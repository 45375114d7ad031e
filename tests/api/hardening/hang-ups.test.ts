import { queryObjects } from 'node:v8';
import { WaitingClaim } from '@flashclaim/api';
import { buildApp } from '@flashclaim/api/app';
import { readEnv } from '@flashclaim/api/env';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectExact } from '../../support/expect-exact.ts';
import { RawConnection, rawPost } from '../../support/raw-connection.ts';
import { type System, startSystem } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const CALLERS = 1_000;

/** The connections to the stores have some, at some moments more than at others. A caller who waits has one. */
const TIMERS_MAX = CALLERS / 10;

/** In this process, so that what it holds can be counted; the worker runs in one of its own. */
let app: Awaited<ReturnType<typeof buildApp>>;
let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ apis: 0, workers: 1 });
  const limits = { CLAIM_WAIT_MS: '20000', CLAIMS_PENDING_MAX: String(CALLERS), LOG_LEVEL: 'warn' };
  app = await buildApp(readEnv({ ...system.stores.env, ...limits }));
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await app?.close();
  await system?.close();
});

const activeTimers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
const connections = (): Promise<number> =>
  new Promise((resolve) => app.server.getConnections((_, count) => resolve(count)));

/** Resolves to the listeners that callers left behind, once nothing else of them is left. */
const listenersLeft = async (): Promise<number[]> => {
  await until(
    async () => (await connections()) === 0 && activeTimers() <= TIMERS_MAX && queryObjects(WaitingClaim) === 0,
    () => `no caller waits: ${activeTimers()} timers and ${queryObjects(WaitingClaim)} waiting claims`,
  );
  const emitters = [...app.lanes, app.redis, app.server, process];
  return emitters.map((emitter) =>
    emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name as 'error'), 0),
  );
};

const post = async (path: string, payload: object): Promise<number> =>
  (await app.inject({ method: 'POST', url: path, payload })).statusCode;

/** A new coupon is claimed by callers who then do something. Resolves once every unit is taken. */
const claimAll = async (coupon: string, then: (caller: RawConnection, index: number) => void): Promise<void> => {
  // Counting objects holds this process up: it takes claims again once it has noticed that it keeps up.
  await until(async () => (await post('/api/coupons/claim', { user_id: 'user', coupon_name: 'missing' })) === 404);
  await post('/api/coupons', { name: coupon, amount: CALLERS });
  const [worker] = system.workers;
  worker?.kill('SIGSTOP');
  const callers = await Promise.all(Array.from({ length: CALLERS }, () => RawConnection.open(url)));
  for (const [i, caller] of callers.entries())
    caller.send(rawPost('/api/coupons/claim', JSON.stringify({ user_id: `user-${i}`, coupon_name: coupon })));
  // Each has a timer for the end of its wait.
  await until(async () => activeTimers() >= CALLERS);
  callers.forEach(then);
  worker?.kill('SIGCONT');
  const { coupons } = system.stores.mongo;
  await until(async () => (await coupons.findOne({ name: coupon }))?.remaining_amount === 0);
};

const leave = (caller: RawConnection, index: number): void => {
  if (index % 2 === 0) caller.reset();
  else caller.hangUp();
};

test('a thousand callers who leave while they wait leave nothing behind, and their claims are decided', async () => {
  await claimAll('warm', leave);
  const before = await listenersLeft();

  await claimAll('first', leave);
  await claimAll('second', leave);
  expect(await listenersLeft()).toEqual(before);

  // As many may wait as at first: none of those who left is still counted as waiting.
  const replies: Promise<number>[] = [];
  await claimAll('third', (caller) => replies.push(caller.nextReply().then(({ status }) => status)));
  expect(new Set(await Promise.all(replies))).toEqual(new Set([200]));
  await expectExact(system.stores.mongo);
  expect(await system.stores.mongo.claims.countDocuments()).toBe(4 * CALLERS);
});
