import { handlerTimeoutMs } from '@flashclaim/core';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterEach, expect, test } from 'vitest';
import { HistoryRecorder } from '../support/history.ts';
import { type System, startSystem } from '../support/system.ts';

const COUPONS = ['hot', 'warm', 'cold'];
const UNITS = 500;
const CALLERS = 48;
const WAIT_MS = 1_000;
/** Answered when the fault comes, and before the sale ends; more users than units, so that all of it is sold. */
const CLAIMS = { before: 600, all: 4_000 };

let system: System;
afterEach(() => system?.close());

/** Callers of every kind: the patient, those who ask twice at once, those who hang up, those who come back. */
const callOnce = async (history: HistoryRecorder, url: string, turn: number): Promise<void> => {
  const coupon = COUPONS[turn % COUPONS.length] as string;
  const user = `user-${turn}`;
  if (turn % 10 === 1) await history.claim(url, coupon, user, { signal: AbortSignal.timeout(1 + (turn % 25)) });
  else if (turn % 10 === 2) await Promise.all([history.claim(url, coupon, user), history.claim(url, coupon, user)]);
  else if (turn % 10 === 3) await history.read(url, coupon);
  else if (turn % 10 === 4) await history.claim(url, coupon, `user-${turn % 100}`);
  else await history.claim(url, coupon, user);
};

test.each([
  ['a worker', (running: System) => running.workers[0]],
  ['an API process', (running: System) => running.apis[1]],
] as const)('%s is killed in mid-sale, and nobody was told anything untrue', async (what, victimOf) => {
  system = await startSystem({ apis: 2, workers: 2, env: { CLAIM_WAIT_MS: String(WAIT_MS) } });
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
  await history.expectTruthful(system, { answerMaxMs: handlerTimeoutMs(WAIT_MS) });
  const sold = await history.read(urls[0] as string, 'hot');
  expect(sold).toMatchObject({ remaining: 0, claimed: UNITS });
});
