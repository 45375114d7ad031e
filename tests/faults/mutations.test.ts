import type { Violation } from '@flashclaim/audit';
import { decodeJob, type Job, LANES_DEFAULT, laneOf } from '@flashclaim/core';
import { laneName, lanePrefix } from '@flashclaim/lanes';
import type { Mongo } from '@flashclaim/store';
import { Queue } from 'bullmq';
import { afterEach, describe, expect, test } from 'vitest';
import { HistoryRecorder } from '../support/history.ts';
import { commitJob } from '../support/job-of.ts';
import { type MutatedApps, type Mutation, mutateApps } from '../support/mutated-apps.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const DECIDE = 'packages/core/src/decide-claims.ts';
const TAKE = 'apps/worker/src/take-units.ts';
const TRANSACTION = 'packages/store/src/transaction.ts';

const BUGS = {
  'the update takes units without looking whether they are there': [
    { file: TAKE, of: 'remaining_amount: { $gte: needed },', instead: '' },
    // The guard behind the guard.
    {
      file: 'packages/store/src/collections.ts',
      of: "remaining_amount: { bsonType: 'int', minimum: 0 }",
      instead: "remaining_amount: { bsonType: 'int' }",
    },
  ],
  'a job leaves no record, and no claim is found by its id': [
    { file: DECIDE, of: 'this.#snapshot.existing.get(id) ?? this.#granted.get(id)', instead: 'this.#granted.get(id)' },
    {
      file: 'packages/store/src/job-records.ts',
      of: 'if (records.length === 0) return;',
      instead: 'if (records.length < 1e9) return;',
    },
  ],
  'callers are answered, and then the commit fails': [
    { file: TRANSACTION, of: 'await commit(session);', instead: 'await session.abortTransaction();' },
  ],
  'the last unit is kept back': [{ file: DECIDE, of: 'if (left === 0)', instead: 'if (left <= 1)' }],
} satisfies Record<string, Mutation[]>;

let system: System | undefined;
let mutated: MutatedApps | undefined;
afterEach(async () => {
  await system?.close();
  await mutated?.remove();
  system = undefined;
  mutated = undefined;
});

const startWith = async (bug: keyof typeof BUGS | undefined, options: SystemOptions = {}): Promise<System> => {
  mutated = await mutateApps(bug ? BUGS[bug] : []);
  system = await startSystem({ ...options, apps: mutated.apps });
  return system;
};

const invariantsOf = (violations: readonly Violation[]) =>
  [...new Set(violations.map(({ invariant }) => invariant))].sort();

/** Thirty users for ten units, in waves. Resolves to the units that remain. */
const sell = async (url: string, history: HistoryRecorder, coupon = 'hot'): Promise<number | undefined> => {
  await history.create(url, coupon, 10);
  for (let wave = 0; wave < 10; wave++)
    await Promise.all([1, 2, 3].map((i) => history.claim(url, coupon, `user-${wave}-${i}`)));
  return (await history.read(url, coupon)).remaining;
};

/** Sales until both workers had a turn at one coupon, each believing to be the only one. */
const sellUntilOversold = async (url: string, history: HistoryRecorder): Promise<void> => {
  for (let sale = 0; sale < 30; sale++) if (Number(await sell(url, history, `hot-${sale}`)) < 0) return;
};

const commitOnce = async (mongo: Mongo, job: Job): Promise<void> => void (await commitJob(mongo, job));

/** As a worker with the bug does. */
const commitWithoutRecord = async (mongo: Mongo, job: Job): Promise<void> => {
  await commitJob(mongo, { ...job, id: 'its record is another' });
};

/** A claim whose worker dies between the commit and telling of it; then another worker runs its job. */
const claimTwice = async ({ urls, stores, addWorker }: System, history: HistoryRecorder, run = commitOnce) => {
  const url = urls[0] as string;
  await history.create(url, 'hot', 5);
  const claim = history.claim(url, 'hot', 'user');
  const lane = laneOf('hot', LANES_DEFAULT);
  const queue = new Queue(laneName(lane), { connection: stores.redis, prefix: lanePrefix(lane) });
  await until(async () => (await queue.getWaitingCount()) === 1);
  const [job] = await queue.getWaiting();
  await run(stores.mongo, decodeJob(job?.data));
  await queue.close();
  await addWorker();
  return claim;
};

/** Long enough for a worker to start. */
const PATIENT = { workers: 0, env: { CLAIM_WAIT_MS: '20000' } };

describe('the checker finds a mutation of the real system', { tags: ['slow'] }, () => {
  test('the update takes units without looking whether they are there: sold too often', async () => {
    const history = new HistoryRecorder();
    const running = await startWith('the update takes units without looking whether they are there', { workers: 2 });
    await sellUntilOversold(running.urls[0] as string, history);
    expect(invariantsOf(await history.check(running))).toEqual(['I1']);
  });

  test('a job leaves no record, and no claim is found by its id: a winner whose job ran twice is refused', async () => {
    const history = new HistoryRecorder();
    const running = await startWith('a job leaves no record, and no claim is found by its id', PATIENT);
    expect((await claimTwice(running, history, commitWithoutRecord)).status).toBe(409);
    expect(invariantsOf(await history.check(running))).toEqual(['I5', 'I6']);
  });

  test('callers are answered, and then the commit fails: the granted units do not exist', async () => {
    const history = new HistoryRecorder();
    const running = await startWith('callers are answered, and then the commit fails');
    await sell(running.urls[0] as string, history);
    expect(invariantsOf(await history.check(running))).toEqual(['I4', 'I8']);
  });

  test('the last unit is kept back: somebody goes without', async () => {
    const history = new HistoryRecorder();
    const running = await startWith('the last unit is kept back');
    await sell(running.urls[0] as string, history);
    expect(invariantsOf(await history.check(running))).toEqual(['I8']);
  });
});

describe('and is silent where none was', () => {
  test('a sale', async () => {
    const history = new HistoryRecorder();
    const running = await startWith(undefined, { workers: 2 });
    await sell(running.urls[0] as string, history);
    await history.expectConsistent(running);
  });

  test('a job that ran twice', async () => {
    const history = new HistoryRecorder();
    const running = await startWith(undefined, PATIENT);
    expect((await claimTwice(running, history)).status).toBe(200);
    await history.expectConsistent(running);
  });
});
