import { randomBytes } from 'node:crypto';
import { openQueue } from '@flashclaim/lanes';
import { isTracing } from '@flashclaim/runtime';
import type { Job } from 'bullmq';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { claim, createCoupon } from '../support/call-api.ts';
import { openOtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { exchange, rawRequest } from '../support/raw-connection.ts';
import { scrape } from '../support/scrape.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

type Receiver = Awaited<ReturnType<typeof openOtlpReceiver>>;

const startTraced = async ({ env, ...options }: SystemOptions): Promise<[System, Receiver]> => {
  const receiver = await openOtlpReceiver();
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '100', ...env };
  return [await startSystem({ ...options, env: traced }), receiver];
};

/** Starts a system for one test. */
const start = async (options: SystemOptions) => {
  const [running, receiver] = await startTraced(options);
  onTestFinished(async () => {
    await running.close();
    receiver.close();
  });
  return { running, url: running.urls[0] as string, spans: receiver.spans };
};

/** What a caller sends who traces, too. */
const newTrace = () => {
  const traceId = randomBytes(16).toString('hex');
  return { traceId, headers: { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` } };
};

const linksOf = (span: ReceivedSpan | undefined) => span?.links.map(({ spanId }) => spanId).sort();

describe('traces of a sale', () => {
  const lines: string[] = [];
  let running: System;
  let receiver: Receiver;
  let url: string;
  let spans: Receiver['spans'];
  beforeAll(async () => {
    // Several lanes, so that their jobs can share a transaction.
    const env = { LOG_LEVEL: 'trace', CLAIM_WAIT_MS: '20000', CLAIM_LANES: '8' };
    [running, receiver] = await startTraced({ env, output: (line) => void lines.push(line) });
    url = running.urls[0] as string;
    spans = receiver.spans;
  });
  afterAll(async () => {
    await running?.close();
    receiver?.close();
  });

  test('one trace leads from the request through the worker to the reply', async () => {
    await createCoupon(url, 'traced', 5);
    const { traceId, headers } = newTrace();
    const reply = await claim(url, 'traced', 'user', headers);
    expect(reply.status).toBe(200);

    const ofTrace = () => spans.filter((span) => span.traceId === traceId);
    await until(async () => ofTrace().length >= 7);
    const path = (span: ReceivedSpan): string => {
      const parent = ofTrace().find(({ spanId }) => spanId === span.parentSpanId);
      return `${parent ? `${path(parent)} › ` : ''}${span.name}`;
    };
    const request = 'POST /api/coupons/claim';
    expect(
      ofTrace()
        .map((span) => `${span.service} ${path(span)}`)
        .sort(),
    ).toEqual([
      `flashclaim-api ${request}`,
      `flashclaim-api ${request} › batch`,
      `flashclaim-api ${request} › job`,
      `flashclaim-api ${request} › reply`,
      `flashclaim-worker ${request} › job › decide and commit`,
      `flashclaim-worker ${request} › job › decide and commit › commit`,
      `flashclaim-worker ${request} › job › lane`,
    ]);
    const attributes = Object.assign({}, ...ofTrace().map((span) => span.attributes));
    expect(attributes).toMatchObject({
      'flashclaim.claim_id': reply.body.claim_id,
      'flashclaim.answer': 'claimed',
      'http.response.status_code': 200,
    });
    expect(JSON.stringify(ofTrace())).not.toMatch(/"user"|traced/);
    // What was written meanwhile says so, on both sides.
    const written = lines.filter((line) => line.includes(`"trace_id":"${traceId}"`)).map((line) => JSON.parse(line));
    expect(written.map(({ name, msg }) => `${name}: ${msg}`).toSorted()).toEqual([
      'api: claim submitted',
      'worker: job committed',
    ]);
    // What machines ask every few seconds is nobody's trace.
    expect(spans.filter((span) => /health|livez|metrics/.test(span.name))).toEqual([]);
  });

  test('claims that share a job are linked with it, and it with them', async () => {
    const [worker] = running.workers;
    worker?.kill('SIGSTOP');
    onTestFinished(() => worker?.kill('SIGCONT'));
    await createCoupon(url, 'shared', 9);
    const first = claim(url, 'shared', 'first');
    await until(async () => (await running.stores.redis.keys('*lane*wait')).length > 0);
    // They wait behind the first one's job.
    const traces = [newTrace(), newTrace(), newTrace()];
    const replies = traces.map(({ headers }, i) => claim(url, 'shared', `user-${i}`, headers));
    await until(async () => (await scrape(url)).value('flashclaim_claims_waiting') === 4);
    worker?.kill('SIGCONT');
    for (const reply of [await first, ...(await Promise.all(replies))]) expect(reply.status).toBe(200);

    const named = (name: string, traceId: string) =>
      spans.find((span) => span.name === name && span.traceId === traceId);
    const requests = () => traces.map(({ traceId }) => named('POST /api/coupons/claim', traceId));
    await until(async () => requests().every((span) => span !== undefined));
    const jobs = spans.filter(
      ({ name, attributes }) => name === 'job' && attributes['messaging.batch.message_count'] === 3,
    );
    expect(jobs).toHaveLength(1);
    const [job] = jobs as [ReceivedSpan];
    const others = requests().filter((span) => span?.traceId !== job.traceId);
    expect(linksOf(job)).toEqual(others.map((span) => span?.spanId).sort());
    for (const other of others) expect(linksOf(named('batch', other?.traceId as string))).toEqual([job.spanId]);
  });

  test('jobs that share a transaction are linked with it', async () => {
    const names = Array.from({ length: 16 }, (_, i) => `coupon-${i}`);
    for (const name of names) await createCoupon(url, name, 1_000_000);
    const isShared = ({ name, attributes }: ReceivedSpan) =>
      name === 'commit' && Number(attributes['flashclaim.jobs']) > 1;
    let round = 0;
    await until(async () => {
      round++;
      await Promise.all(names.map((name) => claim(url, name, `user-${round}`)));
      return spans.some(isShared);
    });
    const shared = spans.find(isShared) as ReceivedSpan;
    expect(shared.links).toHaveLength(Number(shared.attributes['flashclaim.jobs']) - 1);
    const linked = () => spans.filter(({ spanId }) => shared.links.some((link) => link.spanId === spanId));
    await until(async () => linked().length === shared.links.length);
    for (const job of linked()) {
      expect(job.name).toBe('decide and commit');
      expect(linksOf(job)).toContain(shared.spanId);
    }
  });
});

test('a user id in an address is in no span, log line or metric, also where the address has no route', async () => {
  const lines: string[] = [];
  const env = { LOG_LEVEL: 'trace', CORS_ORIGINS: 'https://shop.example' };
  const { url, spans } = await start({ workers: 0, env, output: (line) => void lines.push(line) });
  const PREFLIGHT = ['Origin: https://shop.example', 'Access-Control-Request-Method: GET'];
  const requests: [line: string, path: string | undefined, ...headers: string[]][] = [
    ['GET /api/coupons/missing?for=margaret', '/api/coupons/missing'],
    ['GET /api/users/margaret/claims?limit=1', '/api/users/:user_id/claims'],
    ['GET /%61pi/users/margaret/claims', '/api/users/:user_id/claims'],
    ['OPTIONS /api/users/margaret/claims', '*', ...PREFLIGHT],
    ['OPTIONS /api/users/margaret/claims', '*'],
    ['POST /api/users/margaret/claims', 'REDACTED'],
    ['GET /api/users/margaret/claims/', 'REDACTED'],
    ['GET /api/users/margaret', 'REDACTED'],
    ['GET /%61pi/users/margaret', 'REDACTED'],
    ['GET //API/users/margaret', 'REDACTED'],
    ['GET http://elsewhere.example/api/users/margaret', 'REDACTED'],
    // The router rejects these, and they have no span.
    ['GET /api/users/margaret%/claims', undefined],
    [`GET /api/users/${'margaret'.repeat(1_200)}/claims`, undefined],
  ];
  for (const [line, , ...headers] of requests) await exchange(url, rawRequest(`${line} HTTP/1.1`, ...headers));
  const expected = requests.flatMap(([, path]) => path ?? []);
  const traced = () => spans.flatMap(({ attributes }) => attributes['url.path'] ?? []);
  await until(async () => traced().length >= expected.length);
  expect(traced()).toEqual(expected);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(lines.length).toBeGreaterThan(0);
  for (const text of [JSON.stringify(spans), lines.join(), metrics]) expect(text).not.toContain('margaret');
});

describe('an end', () => {
  test('sends the last spans', async () => {
    const { running, url, spans } = await start({ env: { OTEL_BSP_SCHEDULE_DELAY: '60000' } });
    await createCoupon(url, 'last', 5);
    await claim(url, 'last', 'user');
    expect(spans).toEqual([]);
    for (const app of [...running.apis, ...running.workers]) app.kill('SIGTERM');
    for (const app of [...running.apis, ...running.workers])
      expect(await app.exited).toEqual({ code: 0, signal: null });
    expect(new Set(spans.map(({ name }) => name))).toContain('reply');
    expect(new Set(spans.map(({ name }) => name))).toContain('commit');
  });

  test('is not delayed by a collector that is down, and neither is a claim', async () => {
    const { running, url } = await start({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' } });
    await createCoupon(url, 'down', 5);
    expect((await claim(url, 'down', 'user')).status).toBe(200);
    for (const app of [...running.apis, ...running.workers]) app.kill('SIGTERM');
    for (const app of [...running.apis, ...running.workers])
      expect(await app.exited).toEqual({ code: 0, signal: null });
  });
});

describe('without traces', () => {
  test.each([
    [false, 'nothing is said', {}],
    [true, 'somebody says where they go', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }],
    [true, 'they alone go somewhere', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }],
    [true, 'the usual collector takes them', { OTEL_TRACES_EXPORTER: 'otlp' }],
    [
      false,
      'they are unwanted',
      { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
    ],
    [false, 'all of it is off', { OTEL_SDK_DISABLED: true, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }],
  ] as const)('%s where %s', (expected, _, settings) => {
    expect(isTracing({ OTEL_SDK_DISABLED: false, ...settings })).toBe(expected);
  });

  test.each([
    ['traces are off', { OTEL_TRACES_EXPORTER: 'none' }],
    ['a trace is not sampled', { OTEL_TRACES_SAMPLER: 'always_off' }],
  ])('neither a job nor a line carries anything of one where %s', async (_, env) => {
    const lines: string[] = [];
    const { running, url, spans } = await start({
      workers: 0,
      env: { CLAIM_LANES: '1', CLAIM_WAIT_MS: '0', LOG_LEVEL: 'trace', ...env },
      output: (line) => void lines.push(line),
    });
    await createCoupon(url, 'plain', 5);
    expect((await claim(url, 'plain', 'user')).status).toBe(202);
    const queue = openQueue(0, running.stores.redis);
    const [job] = (await queue.getWaiting()) as [Job];
    expect(job.opts).not.toHaveProperty('telemetry');
    await queue.close();
    expect(spans).toEqual([]);
    expect(lines.join()).toContain('claim submitted');
    expect(lines.join()).not.toContain('trace_id');
  });
});
