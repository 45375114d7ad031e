import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claim, countStatuses, createCoupon, type Reply } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { openOtlpReceiver } from '../support/otlp-receiver.ts';
import { type Scrape, scrape } from '../support/scrape.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const CLAIMS = 3_000;
const UNITS = 1_200;
const CALLERS = 100;
/** Its unit is sure, and it shares its job with others. */
const FOLLOWED = 600;
const COUPON = 'followed';

interface LogLine {
  name: string;
  msg: string;
  request_id?: string;
  trace_id?: string;
  claim?: string;
  job?: string;
  answer?: string;
}

const traceId = randomBytes(16).toString('hex');
const lines: string[] = [];
const replies: Reply[] = [];
let receiver: Awaited<ReturnType<typeof openOtlpReceiver>>;
let system: System;
let url: string;

/** Three thousand claims by a hundred callers, of which one traces. */
beforeAll(async () => {
  receiver = await openOtlpReceiver();
  system = await startSystem({
    output: (line) => void lines.push(line),
    env: {
      LOG_LEVEL: 'trace',
      CLAIM_WAIT_MS: '60000',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.001',
    },
  });
  url = system.urls[0] as string;
  await createCoupon(url, COUPON, UNITS);
  const traced = { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` };
  let next = 0;
  const goOn = async (): Promise<void> => {
    while (next < CLAIMS) {
      const number = next++;
      replies[number] = await claim(url, COUPON, `user-${number}`, number === FOLLOWED ? traced : {});
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, goOn));
});
afterAll(async () => {
  await system?.close();
  receiver?.close();
});

const followed = () => (replies[FOLLOWED] as Reply).body.claim_id as string;
const linesWhere = (isSo: (line: LogLine) => boolean): LogLine[] =>
  lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : [])).filter(isSo);
const answered = () => linesWhere(({ claim, msg }) => claim === followed() && msg === 'claim answered');

test('the answers, the figures of both apps and the database agree', async () => {
  expect(countStatuses(replies)).toEqual({ 200: UNITS, 400: CLAIMS - UNITS });
  await expectExact(system.stores.mongo);
  const existing = await system.stores.mongo.claims.countDocuments({ coupon_name: COUPON });
  expect(existing).toBe(UNITS);

  let api = {} as Scrape;
  await until(async () => {
    api = await scrape(url);
    return api.value('flashclaim_claim_duration_seconds_count') === CLAIMS;
  });
  expect(api.sum('flashclaim_claims_total')).toBe(CLAIMS);
  expect(api.value('flashclaim_claims_total{outcome="claimed"}')).toBe(existing);
  expect(api.value('flashclaim_claims_total{outcome="out_of_stock"}')).toBe(CLAIMS - existing);
  expect(api.value('flashclaim_problems_total{code="out_of_stock"}')).toBe(CLAIMS - existing);
  const worker = await scrape(system.workerUrls[0] as string);
  expect(worker.value('flashclaim_decisions_total{outcome="claimed"}')).toBe(existing);
});

test('a granted claim is found in the database, the log and the record of its job', async () => {
  const stands = await system.stores.mongo.claims.findOne({ _id: followed() });
  expect(stands).toMatchObject({ user_id: `user-${FOLLOWED}`, coupon_name: COUPON });

  await until(async () => answered().length === 1);
  const requestId = replies[FOLLOWED]?.headers.get('x-request-id');
  const [submitted] = linesWhere(({ request_id }) => request_id === requestId);
  expect(submitted).toMatchObject({ msg: 'claim submitted', claim: followed(), trace_id: traceId });
  const [{ job, answer }] = answered() as [LogLine];
  expect(answer).toBe('claimed');
  const ofJob = linesWhere((line) => line.job === job && line.claim === undefined);
  expect(ofJob.map(({ msg }) => msg).toSorted()).toEqual(['job answered', 'job committed']);

  // Redis keeps nothing of a job that was decided; its record does.
  await until(async () => (await system.stores.redis.keys(`*:${job}`)).length === 0);
  const record = await system.stores.mongo.jobRecords.findOne({ _id: job as string });
  expect(record?.result?.decisions).toContain('C');
});

test('one trace holds its way, and nearly all others were left out', async () => {
  const spans = () => receiver.spans.filter((span) => span.traceId === traceId);
  const named = (name: string) => spans().find((span) => span.name === name);
  await until(async () => ['POST /api/coupons/claim', 'batch', 'reply'].every(named));
  const attributes = Object.assign({}, ...spans().map((span) => span.attributes));
  expect(attributes).toMatchObject({ 'flashclaim.claim_id': followed(), 'flashclaim.answer': 'claimed' });

  // Of the claims in a job, one lends it its trace, and the others are linked with it.
  const batch = named('batch');
  const job = () =>
    receiver.spans.find(
      (span) =>
        span.name === 'job' && (span.traceId === traceId || batch?.links.some((link) => link.spanId === span.spanId)),
    );
  await until(async () => job() !== undefined);
  const below = () => receiver.spans.filter(({ parentSpanId }) => parentSpanId === job()?.spanId);
  await until(async () => below().length === 2);
  expect(
    below()
      .map(({ service, name }) => `${service} ${name}`)
      .toSorted(),
  ).toEqual(['flashclaim-worker decide and commit', 'flashclaim-worker lane']);
  const traces = new Set(receiver.spans.map((span) => span.traceId));
  expect(traces.size).toBeLessThan(CLAIMS / 100);
});
