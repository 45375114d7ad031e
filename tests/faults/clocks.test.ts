import { setTimeout as sleep } from 'node:timers/promises';
import { handlerTimeoutMs } from '@flashclaim/core';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { call, claim, createCoupon } from '../support/call-api.ts';
import { clearFailPoint, setFailPoint, waitForFailPoint } from '../support/fail-point.ts';
import { HistoryRecorder } from '../support/history.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { ProcessClock } from '../support/process-clock.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const MINUTE_MS = 60_000;
/** Claims are decided again in this time, and so answered before it is over. Less than a clock steps. */
const RECOVERY_MAX_MS = 25_000;

let stores: OwnStores;
let system: System;
let clocks: ProcessClock[];
beforeEach(async () => {
  clocks = [];
  stores = await openOwnStores();
});
afterEach(async () => {
  await system?.close();
  for (const clock of clocks) clock.close();
});

const openClock = (offsetMs: number): ProcessClock => {
  const clock = new ProcessClock(offsetMs);
  clocks.push(clock);
  return clock;
};

/** How far both clocks are off, in minutes, one step after the other. */
const STEPS = [
  [15, -10],
  [-5, 20],
  [3, -30],
  [-15, -14],
  [15, -10],
] as const;
const CALLERS = 16;
/** Times that each caller claims under the same key: before and after its coupon is created. */
const TIMES = 6;
const WAIT_MS = 500;

test('two APIs whose clocks are minutes apart and step during a sale: every answer is true', async () => {
  system = await startSystem({ stores, apis: 0, workers: 2, env: { CLAIM_WAIT_MS: `${WAIT_MS}` } });
  const [one, other] = STEPS[0].map((minutes) => openClock(minutes * MINUTE_MS)) as [ProcessClock, ProcessClock];
  for (const clock of [one, other]) await system.addApi(clock.env);
  const { urls, workers } = system;
  const history = new HistoryRecorder();

  let coupon = 'late-0';
  let turn = 0;
  let asked = 0;
  let over = false;
  const callOnce = async (time: number, user: string, wanted: string): Promise<void> => {
    const prefer = time % 3 === 2 ? {} : { prefer: 'respond-async' };
    const told = await history.claim(urls[time % 2] as string, wanted, user, { key: `key-${user}`, ...prefer });
    for (const url of urls) if (told.claimId !== undefined) await history.status(url, told.claimId);
    asked++;
  };
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    while (!over) {
      const user = `user-${++turn}`;
      const wanted = coupon;
      for (let time = caller; time < caller + TIMES; time++) {
        await callOnce(time, user, wanted);
        await sleep(20);
      }
    }
  });
  const asks = (times: number): Promise<void> => {
    const target = asked + times;
    return until(async () => asked >= target);
  };

  for (const [step, [ofOne, ofOther]] of STEPS.entries()) {
    coupon = `late-${step}`;
    await asks(4 * CALLERS);
    history.mark('broken', 'the clocks step while no worker decides');
    for (const worker of workers) worker.kill('SIGSTOP');
    await Promise.all([one.stepTo(ofOne * MINUTE_MS), other.stepTo(ofOther * MINUTE_MS)]);
    await history.create(urls[step % 2] as string, coupon, CALLERS);
    await asks(2 * CALLERS);
    for (const worker of workers) worker.kill('SIGCONT');
    history.mark('recovered', 'the clocks step while no worker decides');
    await asks(4 * CALLERS);
  }
  over = true;
  await Promise.all(callers);
  await history.expectConsistent(system, { answerMaxMs: handlerTimeoutMs(WAIT_MS) });
  for (const step of STEPS.keys())
    expect(await stores.mongo.claims.countDocuments({ coupon_name: `late-${step}` })).toBeGreaterThan(0);
});

/** So that there is one lane, and its API has one job in flight. */
const ONE_LANE = { CLAIM_LANES: '1', CLAIM_WAIT_MS: `${RECOVERY_MAX_MS}` };
const INTERNAL_ERROR = 1;

test('a worker whose clock is ten minutes ahead is killed before it runs a job again: another one does', {
  tags: ['slow'],
}, async () => {
  const lines: string[] = [];
  const output = (line: string) => void lines.push(line);
  system = await startSystem({ stores, workers: 0, output, env: ONE_LANE });
  const victim = await system.addWorker(openClock(10 * MINUTE_MS).env);
  const [api] = system.urls as [string];
  await createCoupon(api, 'coupon', 2);
  await setFailPoint(stores.mongo.client, { commands: ['insert'], data: { errorCode: INTERNAL_ERROR } });
  const first = await claim(api, 'coupon', 'first', { prefer: 'respond-async' });
  expect(first.status).toBe(202);
  await until(async () => lines.some((line) => line.includes('job failed')));
  await kill(victim);
  await clearFailPoint(stores.mongo.client);
  await system.addWorker();
  await until(isWell(system.workerUrls[1] as string));
  expect((await claim(api, 'coupon', 'second')).status).toBe(200);
  expect((await call(api + first.headers.get('location'), 'GET')).body.status).toBe('claimed');
});

const isWell = (url: string) => (): Promise<boolean> =>
  call(`${url}/health`, 'GET').then(
    ({ status }) => status === 200,
    () => false,
  );

const kill = async (handle: ProcessHandle): Promise<void> => {
  handle.kill('SIGKILL');
  await handle.exited;
};

test('an API whose clock steps back 30 s looks for an answer that got lost', async () => {
  system = await startSystem({ stores, apis: 0, env: ONE_LANE });
  const clock = openClock(0);
  const api = await system.addApi(clock.env);
  await createCoupon(api, 'coupon', 1);
  const data = { blockConnection: true, blockTimeMS: 2_000 };
  await setFailPoint(stores.mongo.client, { commands: ['commitTransaction'], times: 1, data });
  const reply = claim(api, 'coupon', 'user');
  await waitForFailPoint(stores.mongo.client, 1);
  await clock.stepTo(-30_000);
  // From now on no answer gets through, and nothing else is different.
  await stores.redis.call('ACL', 'SETUSER', 'default', '-publish');
  expect((await reply).status).toBe(200);
});
