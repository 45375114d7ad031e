import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterEach, expect, test } from 'vitest';
import { HistoryRecorder } from '../support/history.ts';
import { type System, startSystem } from '../support/system.ts';

const COUPONS = ['hot', 'warm', 'cold'];
const UNITS = 150;
const CALLERS = 48;
/** Answered when the fault comes, and before the sale ends; more users than units, so that all of it is sold. */
const CLAIMS = { before: 400, all: 1_500 };

let system: System;
afterEach(() => system?.close());

/** Callers of every kind: the patient, those who ask twice at once, those who hang up and come back, with a key and without. */
const callOnce = async (history: HistoryRecorder, url: string, turn: number): Promise<void> => {
  const coupon = COUPONS[turn % COUPONS.length] as string;
  const user = `user-${turn}`;
  const kind = turn % 10;
  const key = `key-${turn}`;
  const impatient = () => ({ signal: AbortSignal.timeout(1 + (turn % 25)) });
  if (kind === 0) await history.read(url, coupon);
  else if (kind === 1) await history.claim(url, coupon, user, impatient());
  else if (kind === 2) await Promise.all([history.claim(url, coupon, user), history.claim(url, coupon, user)]);
  else if (kind === 3) await history.claim(url, coupon, `user-${turn % 100}`);
  else if (kind === 4) await Promise.all([1, 2, 3].map(() => history.claim(url, coupon, user, { key })));
  else if (kind === 5) {
    await history.claim(url, coupon, user, { key, ...impatient() });
    await history.claim(url, coupon, user, { key });
  } else if (kind === 6) {
    await history.claim(url, coupon, user, { key });
    await history.claim(url, coupon, 'who found the key', { key });
  } else await history.claim(url, coupon, user);
};

test.each([
  ['a worker', (running: System) => running.workers[0]],
  ['an API process', (running: System) => running.apis[1]],
] as const)('%s is killed during a sale, and every answer is true', { tags: ['slow'] }, async (what, victimOf) => {
  system = await startSystem({ apis: 2, workers: 2, env: { CLAIM_WAIT_MS: '1000' } });
  const history = new HistoryRecorder();
  for (const coupon of COUPONS) await history.create(system.urls[0] as string, coupon, UNITS);

  const urls = [...system.urls];
  let turn = 0;
  const killed = Promise.withResolvers<void>();
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    while (turn < CLAIMS.all) {
      if (++turn === CLAIMS.before) killed.resolve();
      await callOnce(history, urls[caller % urls.length] as string, turn);
    }
  });
  await killed.promise;
  const victim = victimOf(system) as ProcessHandle;
  history.mark('broken', what);
  victim.kill('SIGKILL');
  await victim.exited;
  // Those of a dead API go to the other, as behind a load balancer.
  if (what === 'an API process') urls.pop();
  else await system.addWorker();
  history.mark('recovered', what);
  await Promise.all(callers);

  system.urls.splice(urls.length);
  await history.expectConsistent(system);
  const sold = await history.read(urls[0] as string, 'hot');
  expect(sold).toMatchObject({ remaining: 0, claimed: UNITS });
});
