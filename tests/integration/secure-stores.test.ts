import { join } from 'node:path';
import { createClient } from '@flashclaim/client';
import { startProcess } from '@flashclaim/local-stack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, readCoupon } from '../support/call-api.ts';
import { runAudit } from '../support/run-audit.ts';
import { openSecureStores, PASSWORD, type SecureStores, WITHOUT_CHANNELS } from '../support/secure-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let stores: SecureStores;
beforeAll(async () => {
  stores = await openSecureStores();
});
afterAll(() => stores?.close());

describe('with passwords and TLS', () => {
  let system: System;
  let url: string;
  beforeAll(async () => {
    const env = { RATE_LIMIT_PER_USER: '100' };
    system = await startSystem({ stores: { ...stores, close: async () => {} }, apis: 2, env });
    url = system.urls[0] as string;
  });
  afterAll(() => system?.close());

  test('a coupon is sold exactly', async () => {
    await createCoupon(url, 'secure', 5);
    const clients = system.urls.map((baseUrl) => createClient({ baseUrl }));
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, i) => clients[i % 2]?.claim({ userId: `user-${i}`, couponName: 'secure' })),
    );
    expect(outcomes.filter((one) => one?.outcome === 'claimed')).toHaveLength(5);
    expect(outcomes.filter((one) => one?.outcome === 'out_of_stock')).toHaveLength(45);
    expect((await readCoupon(url, 'secure')).remaining_amount).toBe(0);
    expect(await runAudit(stores.env)).toMatchObject({ code: 0 });
  });

  test('a pending claim gets its status, and the pages for people work', async () => {
    await createCoupon(url, 'later', 5);
    const pending = await claim(url, 'later', 'user', { prefer: 'respond-async' });
    expect(pending.status).toBe(202);
    const readStatus = async () => (await call(`${url}${pending.headers.get('location')}`, 'GET')).body;
    await until(async () => (await readStatus()).status === 'claimed');
    expect((await fetch(`${url}/admin/queues/api/queues`)).status).toBe(200);
    expect((await fetch(`${system.workerUrls[0]}/readyz`)).status).toBe(200);
  });

  test('the rights that the guide names are enough', async () => {
    expect(await stores.deniedCommands()).toEqual([]);
  });
});

/** Starts an API that does not start, and returns what it writes. */
const failStart = async (changed: Partial<SecureStores['env']>): Promise<string> => {
  const lines: string[] = [];
  const handle = await startProcess({
    name: 'api',
    command: process.execPath,
    args: [join(import.meta.dirname, '../../apps/api/src/server.ts')],
    env: { ...process.env, ...stores.env, LOG_LEVEL: 'info', PORT: '0', ...changed },
    output: (line) => void lines.push(line),
  });
  expect(await handle.exited).toMatchObject({ code: 1 });
  return lines.join('\n');
};

// At the same time, because each waits for seconds until it gives up.
describe.concurrent('an API does not start, says why, and shows no password', () => {
  const WRONG = 'a-wrong-password';
  const wrongUser = `flashclaim:${WRONG}`;
  const cases: [string, () => Partial<SecureStores['env']>, RegExp][] = [
    [
      'with a wrong password of MongoDB',
      () => ({ MONGO_URI: stores.env.MONGO_URI.replace(/flashclaim:[^@]+/, wrongUser) }),
      /MongoDB can't be reached at MONGO_URI \(127\.0\.0\.1:\d+\): Authentication failed/,
    ],
    [
      'without TLS to MongoDB',
      () => ({ MONGO_URI: stores.env.MONGO_URI.replace(/&tls=.*/, '') }),
      /MongoDB can't be reached at MONGO_URI/,
    ],
    [
      'where the certificate of MongoDB is unknown',
      () => ({
        MONGO_URI: stores.env.MONGO_URI.replace(/tlsCAFile=.*/, `tlsCAFile=${stores.otherCertificate.caFile}`),
      }),
      /MongoDB can't be reached at MONGO_URI .* self-signed certificate/,
    ],
    [
      'where the file with the certificate is missing',
      () => ({ MONGO_URI: stores.env.MONGO_URI.replace(/tlsCAFile=.*/, 'tlsCAFile=/nowhere/ca.crt') }),
      /MONGO_URI.*\/nowhere\/ca\.crt/,
    ],
    [
      'with a wrong password of Redis',
      () => ({ REDIS_URL: stores.env.REDIS_URL.replace(/flashclaim:[^@]+/, wrongUser) }),
      /Redis can't be reached at REDIS_URL within \d+ ms: WRONGPASS/,
    ],
    [
      'without TLS to Redis',
      () => ({ REDIS_URL: stores.env.REDIS_URL.replace('rediss:', 'redis:') }),
      /Redis can't be reached at REDIS_URL/,
    ],
    [
      'where the certificate of Redis is unknown',
      () => ({ NODE_EXTRA_CA_CERTS: stores.otherCertificate.caFile }),
      /Redis can't be reached at REDIS_URL within \d+ ms: self-signed certificate/,
    ],
    [
      'with a user of Redis that may not use the channels of answers',
      () => ({ REDIS_URL: stores.env.REDIS_URL.replace('flashclaim:', `${WITHOUT_CHANNELS}:`) }),
      /Redis at REDIS_URL refuses what answers need: NOPERM.*&flashclaim:\*/,
    ],
  ];
  test.each(cases)('%s', async (_, changed, reason) => {
    const text = await failStart(changed());
    expect(text).toMatch(reason);
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), WRONG]) expect(text).not.toContain(secret);
  });
});
