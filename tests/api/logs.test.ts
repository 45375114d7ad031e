import { join } from 'node:path';
import { JOB_NAME, laneName, lanePrefix } from '@flashclaim/lanes';
import { startProcess } from '@flashclaim/local-stack';
import { createLogger, withoutPassword } from '@flashclaim/runtime';
import { Queue } from 'bullmq';
import { afterEach, describe, expect, test } from 'vitest';
import { call, claim } from '../support/call-api.ts';
import { exchange } from '../support/raw-connection.ts';
import { openStores } from '../support/stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const TOKEN = 'hunter2-the-admin-token';
const GUESS = 'hunter2-a-wrong-token';
const APPS = join(import.meta.dirname, '../../apps');

let system: System | undefined;
afterEach(async () => {
  await system?.close();
  system = undefined;
});

const start = async (level: string) => {
  const lines: string[] = [];
  system = await startSystem({
    env: { LOG_LEVEL: level, ADMIN_TOKEN: TOKEN, CLAIM_LANES: '1' },
    output: (line) => void lines.push(line),
  });
  const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { url: system.urls[0] as string, stores: system.stores, lines, parsed };
};

const authorization = `Bearer ${TOKEN}`;
const addCoupon = (url: string) => call(`${url}/api/coupons`, 'POST', { name: 'sale', amount: 5 }, { authorization });

describe('what the apps log', () => {
  test('at `trace`: every line is JSON, no line holds a token, and a claim can be followed by its ids', async () => {
    const { url, stores, lines, parsed } = await start('trace');
    expect((await addCoupon(url)).status).toBe(201);
    const reply = await claim(url, 'sale', 'user', { authorization });
    expect(reply.status).toBe(200);

    // Whatever goes wrong with a token at hand: wrong ones, broken bodies and heads, a defect, a job that throws.
    const basic = `Basic ${Buffer.from(`x:${GUESS}`).toString('base64')}`;
    for (const wrong of [`Bearer ${GUESS}`, basic, GUESS, `Digest ${GUESS}`])
      expect((await call(`${url}/api/coupons`, 'POST', {}, { authorization: wrong })).status).toBe(401);
    await call(`${url}/api/coupons`, 'POST', '{"name":', { authorization });
    await call(`${url}/api/nothing?token=${GUESS}`, 'GET', undefined, { authorization });
    await exchange(url, `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\n: broken\r\n\r\n`);
    await stores.mongo.db.command({ collMod: 'coupons', validationLevel: 'off' });
    await stores.mongo.coupons.insertOne({
      name: 'broken',
      amount: 1,
      remaining_amount: 1,
      created_at: 'then',
    } as never);
    expect((await call(`${url}/api/coupons/broken`, 'GET', undefined, { authorization })).status).toBe(500);
    const queue = new Queue(laneName(0), { connection: stores.redis, prefix: lanePrefix(0) });
    await queue.add(JOB_NAME, { authorization });
    await until(async () => lines.some((line) => line.includes('job failed')));
    await queue.close();

    // Later versions of these lines are found by what they hold, not by their words.
    const id = reply.body.claim_id;
    await until(async () => parsed().some(({ claim, answer }) => claim === id && answer === 'claimed'));
    const submitted = parsed().find((line) => line['claim'] === id && line['request_id']);
    expect(submitted?.['request_id']).toBe(reply.headers.get('x-request-id'));
    const answered = parsed().find((line) => line['claim'] === id && line['answer']);
    const ofJob = parsed().filter(({ level, job }) => level === 20 && job === answered?.['job']);
    expect(ofJob.map(({ name, claims }) => `${name} ${claims}`).sort()).toEqual(['api 1', 'worker 1']);
    for (const line of parsed()) expect(line).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
    expect(lines.filter((line) => /hunter2|authorization/i.test(line))).toEqual([]);
    expect(lines.filter((line) => line.includes(Buffer.from(`x:${GUESS}`).toString('base64')))).toEqual([]);
  });

  test('at `debug`: a line for each job on each side, none for each claim; a problem with its request id', async () => {
    const { url, parsed } = await start('debug');
    await addCoupon(url);
    const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => claim(url, 'sale', `user-${i}`)));
    const refused = replies.find((reply) => reply.status === 400);
    const hasRefusal = ({ request_id, code }: Record<string, unknown>) =>
      code === 'out_of_stock' && request_id === refused?.headers.get('x-request-id');
    await until(async () => parsed().some(hasRefusal));
    const jobs = parsed().filter((line) => line['job'] && line['claims']);
    expect(new Set(jobs.map(({ name, job }) => `${name} ${job}`)).size).toBe(jobs.length);
    expect(parsed().filter((line) => line['claim'])).toEqual([]);
  });

  test('at `info`: the start, and nothing of a sale that goes well', async () => {
    const { url, parsed } = await start('info');
    await addCoupon(url);
    await until(async () => parsed().some(({ msg }) => msg === 'worker takes jobs'));
    const before = parsed().length;
    await Promise.all(Array.from({ length: 50 }, (_, i) => claim(url, 'sale', `user-${i}`)));
    expect(parsed().slice(before)).toEqual([]);
  });
});

describe('a password in an address', () => {
  // At the same time, because some wait for a store.
  test.concurrent.each([
    ['worker', 'MONGO_URI', 'mongodb://user:hunter2@host:99999/'],
    ['worker', 'MONGO_URI', 'mongo://user:hunter2@host/'],
    ['worker', 'MONGO_URI', 'mongodb://user:p/hunter2@host/'],
    ['worker', 'MONGO_URI', 'mongodb://user:hunter2@127.0.0.1:1/'],
    ['api', 'REDIS_URL', 'redis://:hunter2@host:99999'],
    ['api', 'REDIS_URL', 'redis://:p/hunter2@host'],
    ['api', 'REDIS_URL', 'rediss://user:hunter2@127.0.0.1:1,rediss://user:hunter2@127.0.0.1:2'],
    ['api', 'REDIS_URL', 'http://user:hunter2@host'],
  ])('is not shown where the %s does not start with %s %s', async (app, name, address) => {
    const { env, close } = await openStores();
    const lines: string[] = [];
    const process = await startProcess({
      name: app,
      command: globalThis.process.execPath,
      args: [join(APPS, app === 'api' ? 'api/src/server.ts' : 'worker/src/worker.ts')],
      env: { ...globalThis.process.env, ...env, [name]: address, PORT: '0', WORKER_PORT: '0' },
      output: (line) => void lines.push(line),
    });
    expect(await process.exited).toMatchObject({ code: 1 });
    expect(lines.join('\n')).toContain(name);
    expect(lines.join('\n')).not.toContain('hunter2');
    await close();
  });

  test('is taken out of every line, and nothing else is', () => {
    expect(withoutPassword('at redis://user:hunter2@host:6379, and mongodb://a:b@h1,h2/?x=1')).toBe(
      'at redis://user:***@host:6379, and mongodb://a:***@h1,h2/?x=1',
    );
    expect(withoutPassword('redis://:hun@ter2@host')).toBe('redis://:***@host');
    const harmless = '{"url":"http://127.0.0.1:8080/api","to":"a@b","mongo":"mongodb://user@host:27017/?a=b@c"}';
    expect(withoutPassword(harmless)).toBe(harmless);
  });

  test('nor one in a command that Redis refused', async () => {
    const written: string[] = [];
    const log = createLogger('test', 'info', { destination: { write: (line) => void written.push(line) } });
    const error = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['user', 'hunter2'] } });
    log.fatal(error, 'it stops');
    log.warn({ error: 'no way to redis://user:hunter2@host' }, 'as is one in mongodb://user:hunter2@host');
    expect(written).toHaveLength(2);
    expect(written.join()).toContain('WRONGPASS');
    expect(written.join()).not.toContain('hunter2');
  });
});
