import { setTimeout as sleep } from 'node:timers/promises';
import { QUERY_TIMEOUT_MS, REDIS_SILENCE_MAX_MS } from '@flashclaim/core';
import { answersChannel } from '@flashclaim/lanes';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { call, claim, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { scrape } from '../support/scrape.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** The promise is a second. This is less than any timeout of a driver takes. */
const ANSWERED_MAX_MS = 2_500;
const BACK_MAX_MS = 10_000;

const PENDING_MAX = 40;
const WAIT_MS = 4_000;

let stores: OwnStores;
let system: System;
let url: string;

beforeAll(async () => {
  stores = await openOwnStores();
  const env = { CLAIM_WAIT_MS: `${WAIT_MS}`, CLAIMS_PENDING_MAX: `${PENDING_MAX}` };
  system = await startSystem({ stores, env });
  url = system.urls[0] as string;
  await createCoupon(url, 'first', 1);
  await until(async () => [200, 409].includes((await claim(url, 'first', 'user')).status));
});
afterAll(() => system?.close());

type Store = 'redis' | 'mongo';
type Fault = 'killed' | 'stopped' | 'unplugged';

const NAMES: Record<Store, string> = { redis: 'Redis', mongo: 'MongoDB' };

const SILENCE_MAX_MS: Record<Store, number> = { redis: REDIS_SILENCE_MAX_MS, mongo: QUERY_TIMEOUT_MS };

const inject = async (store: Store, fault: Fault): Promise<void> => {
  if (fault === 'killed') await stores.servers[store].stop(0);
  // It still accepts connections, and never answers.
  else if (fault === 'stopped') stores.servers[store].kill('SIGSTOP');
  // Nobody says that it is gone.
  else await stores.proxies[store].disconnect();
};

const heal = async (store: Store, fault: Fault): Promise<void> => {
  if (fault === 'killed') await stores.servers[store].start();
  else if (fault === 'stopped') stores.servers[store].kill('SIGCONT');
  else await stores.proxies[store].reconnect();
};

interface Timed extends Reply {
  ms: number;
}

const timed = async (ask: () => Promise<Reply>): Promise<Timed> => {
  const start = performance.now();
  const reply = await ask();
  return { ...reply, ms: performance.now() - start };
};

const health = () => call(`${url}/health`, 'GET');

let created = 0;
/** Everything a caller can ask for. */
const asksOf = (coupon: string, user: string, claimId: string) => ({
  read: () => call(`${url}/api/coupons/${coupon}`, 'GET'),
  create: () => call(`${url}/api/coupons`, 'POST', { name: `${coupon}-${user}-${++created}`, amount: 1 }),
  claimed: () => claim(url, coupon, user),
  asked: () => call(`${url}/api/claims/${claimId}`, 'GET'),
  healthy: health,
});

/** Asks for everything at the same time. */
const askAll = async <T>(asks: ReturnType<typeof asksOf>, how: (ask: () => Promise<Reply>) => Promise<T>) => {
  const [read, create, claimed, asked, healthy] = await Promise.all([
    how(asks.read),
    how(asks.create),
    how(asks.claimed),
    how(asks.asked),
    how(asks.healthy),
  ]);
  return { read, create, claimed, asked, healthy };
};

/** Asks until an answer comes soon. One that waited for a timeout is never soon; on a busy machine any other may be late. */
const soon = async (ask: () => Promise<Reply>): Promise<Reply> => {
  let reply!: Timed;
  await until(async () => {
    reply = await timed(ask);
    return reply.ms < ANSWERED_MAX_MS;
  });
  return reply;
};

const expectUnavailable = (reply: Reply): void => {
  expect(reply).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  expect(reply.headers.get('retry-after')).toMatch(/^[123]$/);
};

const resolved = async (pending: Reply): Promise<string> => {
  const location = pending.headers.get('location') as string;
  let status = 'pending';
  await until(async () => {
    status = (await call(url + location, 'GET')).body.status;
    return status !== 'pending';
  });
  return status;
};

/** Claims, and retries while a store that answers slowly on a busy machine counts as down. */
const claimOnceUp = async (coupon: string, user: string): Promise<Reply> => {
  let reply!: Reply;
  await until(async () => {
    reply = await claim(url, coupon, user, { 'idempotency-key': `${coupon}-${user}`.replaceAll(' ', '-') });
    return reply.body.code !== 'unavailable';
  });
  return reply;
};

const goesThrough = (store: Store, fault: Fault) => () => {
  const coupon = `${store}-${fault}`;
  let existing: Reply;
  let inFlight: Promise<Reply[]>;
  let firstWave: Awaited<ReturnType<typeof askAll<Timed>>>;
  let backMs: number;

  beforeAll(async () => {
    await createCoupon(url, coupon, 1_000);
    existing = await claim(url, coupon, 'early');
    expect(existing.status).toBe(200);
    inFlight = Promise.all(Array.from({ length: PENDING_MAX / 2 }, (_, i) => claim(url, coupon, `in flight ${i}`)));
    const injected = inject(store, fault);
    firstWave = await askAll(asksOf(coupon, 'first', existing.body.claim_id), timed);
    await injected;
    await until(async () => (await health()).status === 503);
  });

  test('a caller at the moment of the outage is answered, and not refused', () => {
    for (const reply of Object.values(firstWave)) expect([200, 201, 202, 503]).toContain(reply.status);
  });

  test('a caller during the outage is answered at once', async () => {
    const asks = asksOf(coupon, 'late', existing.body.claim_id);
    const { read, create, claimed, asked, healthy } = await askAll(asks, soon);
    expectUnavailable(claimed);
    expect(claimed.body.detail).toContain('nothing was done, and nothing will be');
    expectUnavailable(healthy);
    expect(healthy.body.detail).toBe(`Down: ${NAMES[store]}.`);
    if (store === 'mongo') for (const reply of [read, create, asked]) expectUnavailable(reply);
    else {
      // MongoDB is up: the statuses that it knows are answered.
      expect([read.status, create.status, asked.status]).toEqual([200, 201, 200]);
      expect((await soon(() => call(`${url}/api/claims/nobody`, 'GET'))).status).toBe(404);
      expectUnavailable(await soon(() => call(`${url}/admin/queues/api/queues`, 'GET')));
    }
  });

  test('claims in flight are answered, and none is refused', async () => {
    for (const reply of await inFlight) expect([200, 202, 503]).toContain(reply.status);
  });

  test('it comes back by itself, nothing was lost, and nobody is waited for any more', async () => {
    // Longer than a connection is kept that says nothing.
    if (fault !== 'killed') await sleep(SILENCE_MAX_MS[store] + 1_000);
    await heal(store, fault);
    const healed = performance.now();
    await until(async () => (await health()).status === 200);
    let tries = 0;
    await until(async () => (await claim(url, coupon, `back ${tries++}`)).status === 200);
    backMs = performance.now() - healed;
    await until(async () => (await stores.redis.pubsub('CHANNELS', answersChannel('*'))).length === 1);

    // A blocked lane does not decide in the order of arrival: claims from before the outage may come last.
    await until(async () => (await scrape(url)).value('flashclaim_claims_waiting') === 0);
    // All places are free again.
    const after = await Promise.all(Array.from({ length: PENDING_MAX }, (_, i) => claimOnceUp(coupon, `after ${i}`)));
    for (const { status } of after) expect([200, 202]).toContain(status);
    const replies = [...(await inFlight), firstWave.claimed, ...after];
    const pendingReplies = replies.filter(({ status }) => status === 202);
    for (const pending of pendingReplies) expect(await resolved(pending)).toBe('claimed');

    const { claimed_by } = await readCoupon(url, coupon);
    for (const { status, body } of [...replies, existing]) if (status < 300) expect(claimed_by).toContain(body.user_id);
    expect(claimed_by).not.toContain('late');
    await expectExact(stores.mongo);
  });

  test('all of that in time', { tags: ['slow'] }, () => {
    const { claimed, ...others } = firstWave;
    for (const reply of Object.values(others)) expect(reply.ms).toBeLessThan(ANSWERED_MAX_MS);
    // A claim that was in its lane already waits as long as claims wait.
    expect(claimed.ms).toBeLessThan(WAIT_MS + ANSWERED_MAX_MS);
    expect(backMs).toBeLessThan(BACK_MAX_MS);
  });
};

describe('redis is killed', goesThrough('redis', 'killed'));
describe('redis is unplugged', goesThrough('redis', 'unplugged'));
describe('mongo is killed', goesThrough('mongo', 'killed'));
describe('mongo is stopped', goesThrough('mongo', 'stopped'));
// The same kind of outage as the other two that say nothing.
describe('redis is stopped', { tags: ['slow'] }, goesThrough('redis', 'stopped'));
describe('mongo is unplugged', { tags: ['slow'] }, goesThrough('mongo', 'unplugged'));

test('Redis is stopped while a claim is in its lane and another waits behind it: only the first is waited for', async () => {
  const coupon = 'out of reach';
  await createCoupon(url, coupon, 2);
  const [worker] = system.workers;
  worker?.kill('SIGSTOP');
  onTestFinished(() => worker?.kill('SIGCONT'));
  const enqueued = claim(url, coupon, 'enqueued');
  await until(async () => (await stores.redis.keys('*lane*wait')).length > 0);
  const batching = claim(url, coupon, 'batching');
  // It is there before the next call is answered: one connection after the other, one turn of the event loop.
  await health();
  await inject('redis', 'stopped');
  onTestFinished(() => heal('redis', 'stopped'));

  const reply = await batching;
  expectUnavailable(reply);
  expect(reply.body.detail).toContain('Nothing was done');
  const waited = await enqueued;
  expect(waited).toMatchObject({ status: 202, body: { code: 'pending' } });
  const claimId = waited.body.claim_id;

  await heal('redis', 'stopped');
  worker?.kill('SIGCONT');
  await until(async () => (await call(`${url}/api/claims/${claimId}`, 'GET')).body.status === 'claimed');
  expect((await readCoupon(url, coupon)).claimed_by).toEqual(['enqueued']);
});

test('Redis is stopped while limits are counted in it: no claim hangs on a limit', async () => {
  const limits = { RATE_LIMIT_PER_ADDRESS: '1000', RATE_LIMIT_PER_USER: '1000' };
  const limited = await startSystem({ stores: { ...stores, close: async () => {} }, workers: 0, env: limits });
  onTestFinished(() => limited.close());
  const [base] = limited.urls as [string];
  await createCoupon(base, 'limited', 1);
  await inject('redis', 'stopped');
  onTestFinished(() => heal('redis', 'stopped'));
  expectUnavailable(await soon(() => claim(base, 'limited', 'user')));
  await heal('redis', 'stopped');
  await until(async () => (await claim(base, 'limited', 'user')).status === 200);
});
