import { type ClaimJob, decodeJob } from '@flashclaim/core';
import { JOB_NAME, laneName, lanePrefix, openQueue } from '@flashclaim/lanes';
import { type JobsOptions, Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { claim, createCoupon, type Reply } from '../support/call-api.ts';
import { commitJob } from '../support/job-of.ts';
import { killWithJob } from '../support/kill-with-job.ts';
import { scrape } from '../support/scrape.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
const start = async (options: SystemOptions) => {
  system = await startSystem(options);
  onTestFinished(() => system.close());
  return { api: system.urls[0] as string, worker: system.workerUrls[0] as string };
};

const claimAll = (url: string, name: string, users: readonly string[]): Promise<Reply[]> =>
  Promise.all(users.map((user) => claim(url, name, user)));

/** Waits until a series has this value: a worker may not listen yet, and a figure may be a second old. */
const tells = (url: string, series: string, value: number) =>
  until(async () => (await scrape(url).catch(() => undefined))?.value(series) === value);

describe('a sale in figures', () => {
  test('every claim is counted by its answer, and every job and transaction is measured', async () => {
    const { api, worker } = await start({});
    await createCoupon(api, 'SECRET_SALE', 5);
    const users = Array.from({ length: 30 }, (_, i) => `private-user-${i}`);
    const [first] = await claimAll(api, 'SECRET_SALE', ['private-user-0']);
    // They hold a unit that this worker does not assume.
    await claimAll(api, 'SECRET_SALE', ['private-user-0']);
    const replies = await claimAll(api, 'SECRET_SALE', users);
    await claimAll(api, 'MISSING', ['private-user-0']);
    expect(first?.status).toBe(200);
    const count = (status: number) => replies.filter((reply) => reply.status === status).length;
    expect([count(200), count(400), count(409)]).toEqual([4, 25, 1]);

    await tells(api, 'flashclaim_claim_duration_seconds_count', 33);
    const told = await scrape(api);
    const ofOutcome = (name: string) => told.value(`flashclaim_claims_total{outcome="${name}"}`);
    expect(['claimed', 'already_claimed', 'out_of_stock', 'coupon_not_found', 'pending'].map(ofOutcome)).toEqual([
      5, 2, 25, 1, 0,
    ]);
    expect(told.sum('flashclaim_claims_total')).toBe(33);
    expect(told.value('flashclaim_problems_total{code="out_of_stock"}')).toBe(25);
    expect(told.value('flashclaim_claims_waiting')).toBe(0);
    expect(told.value('flashclaim_jobs_in_flight')).toBe(0);
    const jobs = told.value('flashclaim_job_claims_count');
    expect(jobs).toBeGreaterThanOrEqual(4);
    expect(told.value('flashclaim_batch_duration_seconds_count')).toBe(jobs);
    expect(told.value('flashclaim_answer_lag_seconds_count')).toBe(jobs);

    await tells(worker, 'flashclaim_lane_duration_seconds_count', jobs as number);
    const done = await scrape(worker);
    expect(done.value('flashclaim_decisions_total{outcome="claimed"}')).toBe(5);
    expect(done.value('flashclaim_commit_claims_sum')).toBe(told.value('flashclaim_job_claims_sum'));
    expect(done.value('flashclaim_commit_duration_seconds_count')).toBe(done.value('flashclaim_commit_claims_count'));
    expect(done.value('flashclaim_commit_retries_total{reason="duplicate"}')).toBe(1);
    expect(done.value('flashclaim_jobs_running')).toBe(0);

    for (const { text } of [told, done]) {
      expect(text).toMatch(/^process_cpu_seconds_total \S+$/m);
      expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \S+$/m);
      // Labels are few and known: nobody's name, and none of a coupon.
      expect(text).not.toMatch(/private-user|SECRET_SALE|MISSING/);
    }
  });

  test('waiting claims are shown with their age, and a caller who was answered so is counted once', async () => {
    const { api } = await start({ workers: 0, env: { CLAIM_WAIT_MS: '200', CLAIM_LANES: '1' } });
    await createCoupon(api, 'slow', 9);
    await claimAll(api, 'slow', ['one', 'two', 'three']);
    await until(async () => ((await scrape(api)).value('flashclaim_lane_oldest_job_age_seconds{lane="0"}') ?? 0) > 0.5);
    // Open to a scraper as long as there is no admin token.
    const { headers } = await fetch(`${api}/metrics`);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const waiting = await scrape(api);
    expect(waiting.value('flashclaim_claims_total{outcome="pending"}')).toBe(3);
    expect(waiting.value('flashclaim_claims_waiting')).toBe(3);
    const jobs = waiting.value('flashclaim_jobs_in_flight');
    expect(jobs).toBeGreaterThan(0);
    expect(waiting.value('flashclaim_lane_jobs{lane="0",state="waiting"}')).toBe(jobs);

    await system.addWorker();
    await tells(api, 'flashclaim_claims_waiting', 0);
    const after = await scrape(api);
    expect(after.sum('flashclaim_claims_total')).toBe(3);
    expect(after.value('flashclaim_lane_oldest_job_age_seconds{lane="0"}')).toBe(0);
    expect(after.value('flashclaim_lane_jobs{lane="0",state="waiting"}')).toBe(0);
  });
});

describe('what goes wrong in figures', () => {
  describe('with one lane', () => {
    let api: string;
    let running: System;
    beforeAll(async () => {
      running = await startSystem({ workers: 0, env: { CLAIM_LANES: '1' } });
      api = running.urls[0] as string;
    });
    afterAll(() => running?.close());

    const addJob = async (lane: number, data: unknown, options: JobsOptions): Promise<void> => {
      const queue = openQueue(lane, running.stores.redis);
      await queue.add(JOB_NAME, data as ClaimJob, options);
      await queue.close();
    };
    const workerUrl = async (): Promise<string> => {
      if (running.workerUrls.length === 0) await running.addWorker();
      return running.workerUrls[0] as string;
    };

    test('an answer that was lost, and is found in the record of its job', async () => {
      // It decides, and answers nobody.
      const mute = new Worker<ClaimJob>(
        laneName(0),
        async ({ data }) => void (await commitJob(running.stores.mongo, decodeJob(data))),
        { connection: running.stores.redis.duplicate({ maxRetriesPerRequest: null }), prefix: lanePrefix(0) },
      );
      expect((await claim(api, 'any', 'user')).status).toBe(404);
      await tells(api, 'flashclaim_answers_lost_total', 1);
      expect((await scrape(api)).value('flashclaim_answer_lag_seconds_count')).toBe(0);
      await mute.close();
    });

    test('a lane that no process has in its number, and that no worker serves', async () => {
      await addJob(9, 'poison', { timestamp: Date.now() - 60_000 });
      await tells(api, 'flashclaim_lane_jobs{lane="9",state="waiting"}', 1);
      const before = await scrape(api);
      expect(before.value('flashclaim_lane_unserved{lane="9"}')).toBe(1);
      expect(before.value('flashclaim_lane_oldest_job_age_seconds{lane="9"}')).toBeGreaterThan(59);
      expect(before.value('flashclaim_lane_unserved{lane="0"}')).toBe(0);
      expect(before.text).not.toContain('lane="8"');

      const worker = await workerUrl();
      for (const url of [api, worker]) {
        await tells(url, 'flashclaim_lane_jobs{lane="9",state="failed"}', 1);
        await tells(url, 'flashclaim_lane_unserved{lane="9"}', 0);
      }
      expect((await scrape(worker)).value('flashclaim_job_failures_total{final="true"}')).toBe(1);
    });

    test('a job that is given up', async () => {
      const worker = await workerUrl();
      await tells(worker, 'flashclaim_jobs_running', 0);
      const before = (await scrape(worker)).value('flashclaim_job_failures_total{final="true"}') ?? 0;
      await addJob(0, { nonsense: true }, { jobId: 'poison', attempts: 5 });
      await tells(worker, 'flashclaim_job_failures_total{final="true"}', before + 1);
      expect((await scrape(worker)).value('flashclaim_job_failures_total{final="false"}')).toBe(0);
      await tells(api, 'flashclaim_lane_jobs{lane="0",state="failed"}', 1);
    });
  });

  test('a job that lost its worker', async () => {
    const { api } = await start({ workers: 1, env: { CLAIM_WAIT_MS: '20000' } });
    await createCoupon(api, 'killed', 100_000);
    const replies = await killWithJob(system, api, 'killed');
    await system.addWorker();
    await Promise.all(replies);
    await tells(system.workerUrls[1] as string, 'flashclaim_stalled_jobs_total', 1);
  });
});
