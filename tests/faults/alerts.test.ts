import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LANES_DEFAULT, LANES_MAX, laneOf } from '@flashclaim/core';
import { JOB_NAME, laneName, lanePrefix } from '@flashclaim/lanes';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { claim, createCoupon } from '../support/call-api.ts';
import { clearFailPoint, setFailPoint } from '../support/fail-point.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { findPrometheus, type PrometheusServer, startPrometheus } from '../support/prometheus.ts';
import { runAudit } from '../support/run-audit.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const RULES = readFileSync(join(import.meta.dirname, '../../deploy/prometheus/rules.yml'), 'utf8');
const ALERTS = parse(RULES).groups.flatMap(({ rules }: { rules: { alert: string }[] }) =>
  rules.map(({ alert }) => alert),
) as string[];
/** The same rules in shorter times: what they ask for stays. */
const HASTY_RULES = RULES.replaceAll(/for: \d+\w/g, 'for: 1s')
  .replaceAll(/\[\d+m\]/g, '[5s]')
  .replaceAll(/offset \d+m/g, 'offset 5s')
  .replace('age_seconds) > 30', 'age_seconds) > 5');

const COUPON = 'watched';
const PENDING_MAX = 20;
const ASYNC = { prefer: 'respond-async' };
const programs = await findPrometheus();

let stores: OwnStores;
let system: System;
let prometheus: PrometheusServer;
let audit: Server;
let folder: string;
let queue: Queue;
let api: string;

beforeAll(async () => {
  if (!programs) return;
  stores = await openOwnStores();
  system = await startSystem({ stores, env: { LOG_LEVEL: 'fatal', CLAIMS_PENDING_MAX: `${PENDING_MAX}` } });
  api = system.urls[0] as string;
  const lane = laneOf(COUPON, LANES_DEFAULT);
  queue = new Queue(laneName(lane), { connection: stores.redis, prefix: lanePrefix(lane) });
  folder = await mkdtemp(join(tmpdir(), 'flashclaim-alerts-'));
  // In place of the node exporter, which would tell the same file.
  audit = createServer(async (_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(await readFile(metricsFile(), 'utf8'));
  });
  await new Promise<void>((resolve) => audit.listen(0, '127.0.0.1', resolve));
  await recount();
  prometheus = await startPrometheus(programs.prometheus, HASTY_RULES);
  await watchAll();
});
afterAll(async () => {
  await prometheus?.close();
  audit?.close();
  await queue?.close();
  await system?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const metricsFile = () => join(folder, 'audit.prom');
const recount = () => runAudit({ ...stores.env, AUDIT_METRICS_FILE: metricsFile() });

const watchAll = () =>
  prometheus.scrape({
    'flashclaim-api': [new URL(api).host],
    'flashclaim-worker': [new URL(system.workerUrls.at(-1) as string).host],
    'flashclaim-audit': [`127.0.0.1:${(audit.address() as AddressInfo).port}`],
  });

const seen = new Set<string>();
const fires = async (alert: string): Promise<void> => {
  await until(async () => (await prometheus.firing()).has(alert));
  seen.add(alert);
};
const nothingFires = () => until(async () => (await prometheus.firing()).size === 0);

let users = 0;
const claimOne = (headers = {}) => claim(api, COUPON, `user-${++users}`, headers);

/** Goes on with something until the alert fires. */
const firesWhile = async (alert: string, act: () => Promise<unknown>): Promise<void> => {
  await until(async () => {
    await act();
    return (await prometheus.firing()).has(alert);
  });
  seen.add(alert);
};

test.skipIf(!programs)('a sale that goes well makes no alert', { tags: ['slow'] }, async () => {
  await createCoupon(api, COUPON, 100_000);
  for (let i = 0; i < 100; i++) expect((await claimOne()).status).toBe(200);
  // All that is asked for has been scraped: without its series, nothing could fire.
  await until(async () => (await claimOne()).status === 200 && (await prometheus.firing()).size === 0);
  expect(await prometheus.firing()).toEqual(new Set());
});

test.skipIf(!programs)('transactions that conflict again and again', { tags: ['slow'] }, async () => {
  const data = { errorCode: 112, errorLabels: ['TransientTransactionError'] };
  await firesWhile('TransactionRetries', async () => {
    await setFailPoint(stores.mongo.client, { commands: ['insert'], times: 1, data });
    expect((await claimOne()).status).toBe(200);
  });
  await clearFailPoint(stores.mongo.client);
});

test.skipIf(!programs)('a job that nobody understands', { tags: ['slow'] }, async () => {
  await queue.add(JOB_NAME, 'poison');
  await fires('JobsFailed');
});

test.skipIf(!programs)('answers that are lost', { tags: ['slow'] }, async () => {
  const worker = system.workers[0] as ProcessHandle;
  worker.kill('SIGSTOP');
  for (let i = 0; i < PENDING_MAX; i++) expect((await claimOne(ASYNC)).status).toBe(202);
  for (const job of await queue.getWaiting()) await job.updateData({ ...job.data, replyTo: 'somebody else' });
  worker.kill('SIGCONT');
  await fires('AnswersLost');
  await nothingFires();
});

test.skipIf(!programs)(
  'a worker that is killed in the midst of a job, and nobody in its place',
  { tags: ['slow'] },
  async () => {
    // Ending it waits for whom it holds up.
    const data = { blockConnection: true, blockTimeMS: 3_000 };
    await setFailPoint(stores.mongo.client, { commands: ['insert'], data });
    await claimOne(ASYNC);
    await until(async () => (await queue.getActiveCount()) === 1);
    const worker = system.workers[0] as ProcessHandle;
    worker.kill('SIGKILL');
    await worker.exited;
    await clearFailPoint(stores.mongo.client);
    await fires('NoWorker');
    await fires('OldestClaimWaits');
    await fires('LaneStuck');
    // Who comes now waits behind the job, until no more may wait.
    for (let i = 1; i < PENDING_MAX; i++) expect((await claimOne(ASYNC)).status).toBe(202);
    await firesWhile('ClaimsUnavailable', async () => expect((await claimOne()).status).toBe(503));
    await fires('CallersRejected');

    await system.addWorker();
    await watchAll();
    await fires('StalledJobs');
    await until(async () => (await claimOne()).status === 200);
    await nothingFires();
  },
);

test.skipIf(!programs)(
  'jobs in a lane that no API has any more, and no worker at all',
  { tags: ['slow'] },
  async () => {
    await (system.workers.at(-1) as ProcessHandle).stop();
    const lane = LANES_MAX - 1;
    const other = new Queue(laneName(lane), { connection: stores.redis, prefix: lanePrefix(lane) });
    await other.add(JOB_NAME, 'poison');
    await other.close();
    await fires('LaneWithoutWorker');
    await system.addWorker();
    await watchAll();
    await nothingFires();
  },
);

test.skipIf(!programs).each(['redis', 'mongo'] as const)(
  'a store that is down: %s',
  { tags: ['slow'] },
  async (store) => {
    stores.servers[store].kill('SIGSTOP');
    await fires('StoreDown');
    stores.servers[store].kill('SIGCONT');
    await nothingFires();
  },
);

test.skipIf(!programs)('an index that is missing while its build takes long', { tags: ['slow'] }, async () => {
  const { client, claims } = stores.mongo;
  const holdBuilds = (mode: 'alwaysOn' | 'off') =>
    client.db('admin').command({ configureFailPoint: 'hangAfterStartingIndexBuild', mode });
  await holdBuilds('alwaysOn');
  await claims.dropIndex('live_user_id_1_coupon_id_1');
  await fires('SchemaFault');
  await holdBuilds('off');
  await nothingFires();
});

test.skipIf(!programs)('a recount that is not clean, or too long ago', { tags: ['slow'] }, async () => {
  const told = await readFile(metricsFile(), 'utf8');
  const longAgo = Date.now() / 1_000 - 3 * 86_400;
  await writeFile(metricsFile(), told.replace(/(_timestamp_seconds) [\d.]+/, `$1 ${longAgo}`));
  await fires('AuditMissing');
  // A unit that somebody took by hand.
  await stores.mongo.coupons.updateOne({ name: COUPON }, { $inc: { remaining_amount: -1 } });
  expect((await recount()).code).toBe(1);
  await fires('AuditNotClean');
  await stores.mongo.coupons.updateOne({ name: COUPON }, { $inc: { remaining_amount: 1 } });
  await recount();
  await nothingFires();
});

test.skipIf(!programs)('an API that is gone, without a replacement', { tags: ['slow'] }, async () => {
  await (system.apis[0] as ProcessHandle).stop();
  await fires('NoApi');
  api = await system.addApi();
  await watchAll();
  await nothingFires();
});

test.skipIf(!programs)('every alert has fired', { tags: ['slow'] }, () => {
  expect([...seen].sort()).toEqual([...ALERTS].sort());
});
