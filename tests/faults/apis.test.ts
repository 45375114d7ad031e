import type { ClaimCall } from '@flashclaim/audit';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterEach, expect, test } from 'vitest';
import { FaultLoad, recordRecovery } from '../support/fault-load.ts';
import { HistoryRecorder } from '../support/history.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
afterEach(() => system?.close());

const WAITING = 1_000;

test('killed with 1,000 waiting claims: the same keys get their one claim from another process', async ({ task }) => {
  const limits = { CLAIM_WAIT_MS: '20000', CLAIMS_PENDING_MAX: `${WAITING}` };
  system = await startSystem({ workers: 0, env: limits });
  const [first] = system.urls as [string];
  const history = new HistoryRecorder();
  await history.create(first, 'hot', 2 * WAITING);
  const claimAll = (url: string) =>
    Array.from({ length: WAITING + 1 }, (_, i) => history.claim(url, 'hot', `user-${i}`, { key: `key-${i}` }));

  const waiting = claimAll(first);
  // All places are taken when the one too many is rejected.
  expect(await Promise.race(waiting)).toMatchObject({ status: 503, code: 'overloaded' });
  const api = system.apis[0] as ProcessHandle;
  history.mark('broken', 'API');
  api.kill('SIGKILL');
  await api.exited;
  expect((await Promise.all(waiting)).filter(({ error }) => error !== undefined)).toHaveLength(WAITING);

  await system.addWorker();
  const second = await system.addApi({ CLAIMS_PENDING_MAX: `${2 * WAITING}` });
  system.urls.shift();
  history.mark('recovered', 'API');
  const healedAt = performance.now();
  const again = claimAll(second);
  const { answeredAt = Number.NaN } = await Promise.race(again);
  recordRecovery(task, 'API killed with 1,000 claims', answeredAt - healedAt);
  const told = await Promise.all(again);
  expect(told.filter(({ status }) => status !== 200)).toEqual([]);
  expect(new Set(told.map(({ claimId }) => claimId)).size).toBe(WAITING + 1);
  // Those that were in a job already had been decided before, or were meanwhile.
  expect(told.some(({ replayed }) => replayed)).toBe(true);
  await history.expectConsistent(system);
});

const isLost = ({ error = '' }: ClaimCall): boolean => /ECONNREFUSED|ECONNRESET|socket hang up/.test(error);

test('two APIs and two workers, each stopped in turn under load: nobody is left without an answer', async ({
  task,
}) => {
  system = await startSystem({ apis: 2, workers: 2 });
  const load = new FaultLoad({ system, coupon: 'rolling', test: task });
  await load.start();
  for (const [turn, api] of [...system.apis].entries()) {
    const inject = async () => {
      expect(await api.stop()).toEqual({ code: 0, signal: null });
    };
    await load.through(`API ${turn + 1} stopped`, inject, async () => {
      await system.addApi();
      system.urls.shift();
    });
  }
  for (const [turn, worker] of [...system.workers].entries()) {
    const inject = async () => expect(await worker.stop()).toEqual({ code: 0, signal: null });
    await load.through(`worker ${turn + 1} stopped`, inject, system.addWorker);
  }
  await load.expectConsistent();
  // A late request is rejected; an admitted one is answered.
  const failures = load.undecided.filter((call) => !isLost(call));
  expect(failures.filter(({ status, code }) => status !== 503 || code !== 'unavailable')).toEqual([]);
  // One that is sent at the moment its idle connection closes is lost, as HTTP allows. Then nothing was done.
  const lost = new Set(load.undecided.filter(isLost).map(({ key }) => key));
  expect(load.decidedCalls.filter(({ key, replayed }) => replayed && lost.has(key))).toEqual([]);
});
