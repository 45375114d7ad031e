import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEnv } from '@flashclaim/api/env';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { exchange } from '../support/raw-connection.ts';
import { openStores } from '../support/stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { newKey } from '../support/token-issuer.ts';
import { until } from '../support/until.ts';

const OLD = 'the old admin token';
const NEW = 'the-new-admin-token';

let system: System;
let url: string;
const start = async (env: NodeJS.ProcessEnv) => {
  system = await startSystem({ workers: 0, env });
  url = system.urls[0] as string;
};

/** The status of a GET under another host name. `fetch` does not let a caller choose it. */
const statusUnder = async (host: string, path: string, headers = {}): Promise<number | undefined> => {
  const [response] = (await once(get(url + path, { headers: { ...headers, host } }), 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
};

let coupons = 0;
const create = (authorization?: string, headers: Record<string, string> = {}) =>
  call(
    `${url}/api/coupons`,
    'POST',
    { name: `coupon ${++coupons}`, amount: 1 },
    {
      ...headers,
      ...(authorization !== undefined && { authorization }),
    },
  );

describe('where admin is open', () => {
  beforeAll(() => start({}));
  afterAll(() => system?.close());

  const getWith = (path: string, ...lines: string[]) =>
    exchange(url, ['GET ', path, ' HTTP/1.1\r\n', ...lines.map((line) => `${line}\r\n`), '\r\n'].join(''));

  test.each(['localhost', 'LocalHost:8080', '127.0.0.1', '192.0.2.7:80', '[::1]', '[2001:db8::1]:8080'])(
    'admin calls are answered under %s',
    async (host) => {
      expect((await getWith('/admin/queues/api/queues', `Host: ${host}`)).status).toBe(200);
    },
  );

  test.each([
    'rebound.example',
    'localhost.example',
    'localhost.',
    'notlocalhost',
    '127.0.0.1.rebound.example',
    '127.0.0.1.',
    '127.1',
    '0x7f000001',
    '[rebound.example]',
    '[::1].example',
    '::1',
    'user@localhost',
    'localhost:80:80',
    '',
  ])('admin calls are rejected under any other host name: "%s"', async (host) => {
    const body = JSON.stringify({ name: 'rebound', amount: 1 });
    const post = `POST /api/coupons HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expectProblem(await exchange(url, post), 'host_not_allowed', /set ADMIN_TOKEN/);
    for (const path of ['/live', '/live/events', '/live/assets/live.js', '/admin/queues', '/admin/queues/api/queues'])
      expectProblem(await getWith(path, `Host: ${host}`), 'host_not_allowed');
    expect(await system.stores.mongo.coupons.countDocuments({ name: 'rebound' })).toBe(0);
  });

  test('admin calls are rejected to pages of other hosts, and accepted from those of the same', async () => {
    const own = new URL(url).host;
    for (const origin of ['https://evil.example', `http://${own}.evil.example`, 'http://127.0.0.1:1', 'null'])
      expectProblem(await getWith('/live', `Host: ${own}`, `Origin: ${origin}`), 'host_not_allowed');
    expect((await getWith('/admin/queues/api/queues', `Host: ${own}`, `Origin: http://${own}`)).status).toBe(200);
  });

  test('an address that is encoded twice, and wrongly, is no defect', async () => {
    for (const query of ['queues?activeQueue', 'job-schedulers?queueName'])
      expectProblem(await getWith(`/admin/queues/api/${query}=%25zz`, 'Host: localhost'), 'invalid_request');
  });

  test('another header does not change the host, and a host may not be missing', async () => {
    const forwarded = ['Host: rebound.example', 'X-Forwarded-Host: localhost', 'Forwarded: host=localhost'];
    expectProblem(await getWith('/live', ...forwarded), 'host_not_allowed');
    expectProblem(await exchange(url, 'GET /live HTTP/1.0\r\n\r\n'), 'host_not_allowed');
    expectProblem(await getWith('/live'), 'invalid_request', /Host/);
  });

  test('other calls are answered under every host name', async () => {
    for (const path of ['/health', '/metrics', '/openapi.json', '/docs/'])
      expect([path, await statusUnder('shop.example', path)]).toEqual([path, 200]);
    expect(await statusUnder('shop.example', '/api/coupons/missing')).toBe(404);
  });
});

describe('once ADMIN_TOKEN is set', () => {
  beforeAll(() => start({ ADMIN_TOKEN: `${OLD},${NEW}`, TRUST_PROXY: '1' }));
  afterAll(() => system?.close());

  test.each([OLD, NEW])('both tokens are right: %s', async (token) => {
    expect((await create(`Bearer ${token}`)).status).toBe(201);
    expect((await create(`Basic ${btoa(`anybody:${token}`)}`)).status).toBe(201);
    // Under any host name: a page that has rebound its name has no token.
    expect(await statusUnder('admin.example', '/live', { authorization: `Bearer ${token}` })).toBe(200);
  });

  test('the list of both is no token', async () => {
    expectProblem(await create(`Bearer ${OLD},${NEW}`), 'unauthorized');
  });

  test('a thousand wrong tokens: a few are answered 401, then all 429; a right token always passes', async () => {
    const from = { 'x-forwarded-for': '192.0.2.1' };
    const statuses = new Map<number, number>();
    for (let i = 0; i < 10; i++) {
      const replies = await Promise.all(Array.from({ length: 100 }, (_, j) => create(`Bearer guess ${i} ${j}`, from)));
      for (const { status } of replies) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(Object.fromEntries(statuses)).toEqual({ 401: 10, 429: 990 });
    const limited = await create('Basic bm90aGluZw==', from);
    expectProblem(limited, 'rate_limited', 'More than 10 wrong admin tokens of this address in 60 s.');
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expectProblem(
      await call(`${url}/metrics`, 'GET', undefined, { ...from, authorization: 'Bearer guess' }),
      'rate_limited',
    );
    expect((await create(`Bearer ${NEW}`, from)).status).toBe(201);
    // Without a token nothing was guessed. Other addresses have their own count.
    expectProblem(await create(undefined, from), 'unauthorized');
    expectProblem(await create('Bearer guess', { 'x-forwarded-for': '192.0.2.2' }), 'unauthorized');
  });
});

describe('secrets in files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flashclaim-secrets-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const fileWith = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };

  test('every secret of the API can be in a file; keys are one a line', async () => {
    const { pem } = await newKey('any');
    const env = readEnv({
      ADMIN_TOKEN_FILE: await fileWith('admin', `${OLD}, ${NEW}\n`),
      CLAIM_API_KEYS_FILE: await fileWith('keys', 'the first claim key\r\nthe second claim key\n\n'),
      CLAIM_JWT_ISSUER: 'i',
      CLAIM_JWT_AUDIENCE: 'a',
      CLAIM_JWT_PUBLIC_KEY_FILE: await fileWith('pem', pem),
      MONGO_URI_FILE: await fileWith('mongo', 'mongodb://user:secret@host/\n'),
      REDIS_URL_FILE: await fileWith('redis', 'redis://:secret@host\n'),
    });
    expect(env).toMatchObject({
      adminTokens: [OLD, NEW],
      claimKeys: ['the first claim key', 'the second claim key'],
      claimTokens: { issuer: 'i', audience: 'a', keys: { asymmetricKeyType: 'ed25519' } },
      MONGO_URI: 'mongodb://user:secret@host/',
      REDIS_URL: 'redis://:secret@host',
    });
  });

  test('an app starts with its stores in files', async () => {
    const stores = await openStores();
    const files = {
      MONGO_URI: '',
      REDIS_URL: '',
      MONGO_URI_FILE: await fileWith('uri', `${stores.env.MONGO_URI}\n`),
      REDIS_URL_FILE: await fileWith('url', `${stores.env.REDIS_URL}\n`),
    };
    const started = await startSystem({ stores, env: files });
    const worker = started.workerUrls[0] as string;
    expect((await fetch(`${started.urls[0]}/health`)).status).toBe(200);
    await until(() =>
      fetch(`${worker}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    await started.close();
  });

  test.each(['ADMIN_TOKEN', 'CLAIM_API_KEYS', 'CLAIM_JWT_PUBLIC_KEY', 'MONGO_URI', 'REDIS_URL'])(
    'the start stops where %s and its file are both set, or the file is missing or empty',
    async (name) => {
      const file = await fileWith('any', 'a secret of any kind');
      const both = () => readEnv({ [name]: 'a secret of any kind', [`${name}_FILE`]: file });
      expect(both).toThrow(new RegExp(`^The settings ${name} and ${name}_FILE are both set`));
      const wrong = (text: string) => () => readEnv({ [`${name}_FILE`]: text });
      expect(wrong(join(folder, 'missing'))).toThrow(
        new RegExp(`^The setting ${name}_FILE is .*can't be read \\(ENOENT\\)\\.$`),
      );
      expect(wrong(folder)).toThrow(new RegExp(`^The setting ${name}_FILE is .*can't be read`));
      expect(wrong(await fileWith('empty', ' \n'))).toThrow(new RegExp(`^The setting ${name}_FILE is .*is empty\\.$`));
    },
  );
});

describe('wrong settings of access stop the start with a sentence that names them', () => {
  const KEYED = { CLAIM_JWT_ISSUER: 'i', CLAIM_JWT_AUDIENCE: 'a' };

  test.each<[string, NodeJS.ProcessEnv]>([
    ['ADMIN_TOKEN', { ADMIN_TOKEN: 'fifteen letters' }],
    ['ADMIN_TOKEN', { ADMIN_TOKEN: `${OLD},short` }],
    ['ADMIN_TOKEN', { ADMIN_TOKEN: `${OLD},${NEW},the third admin token` }],
    ['ADMIN_TOKEN', { ADMIN_TOKEN: ' , ' }],
    ['ADMIN_TOKEN', { ADMIN_TOKEN: 'the token of a café' }],
    ['CLAIM_API_KEYS', { CLAIM_API_KEYS: 'fifteen letters' }],
    ['CLAIM_API_KEYS', { CLAIM_API_KEYS: 'the key of a caf\u00e9 somewhere' }],
    ['CLAIM_API_KEYS', { CLAIM_API_KEYS: OLD, ADMIN_TOKEN: OLD }],
    ['CLAIM_JWT_ISSUER', { CLAIM_JWT_AUDIENCE: 'a' }],
    ['CLAIM_JWT_ISSUER', { CLAIM_JWT_JWKS_URL: 'https://issuer.example/keys' }],
    ['CLAIM_JWT_AUDIENCE', { CLAIM_JWT_ISSUER: 'i', CLAIM_JWT_JWKS_URL: 'https://issuer.example/keys' }],
    ['CLAIM_JWT_JWKS_URL or CLAIM_JWT_PUBLIC_KEY', KEYED],
    ['CLAIM_JWT_JWKS_URL', { ...KEYED, CLAIM_JWT_JWKS_URL: 'issuer.example/keys' }],
    ['CLAIM_JWT_JWKS_URL', { ...KEYED, CLAIM_JWT_JWKS_URL: 'file:///keys' }],
    ['CLAIM_JWT_JWKS_URL', { ...KEYED, CLAIM_JWT_JWKS_URL: 'https://user:secret@issuer.example/keys' }],
    ['CLAIM_JWT_PUBLIC_KEY', { ...KEYED, CLAIM_JWT_PUBLIC_KEY: 'a shared secret' }],
  ])('%s: %o', (name, env) => {
    const error = thrownBy(env);
    expect(error).toMatch(new RegExp(`^The setting ${name} (is|contains) .*\\.$`));
    for (const secret of ['fifteen', OLD, 'secret@', 'a shared']) expect(error).not.toContain(secret);
  });

  test('two sources of keys', async () => {
    const { pem } = await newKey('any');
    const env = { ...KEYED, CLAIM_JWT_JWKS_URL: 'https://issuer.example/keys', CLAIM_JWT_PUBLIC_KEY: pem };
    expect(thrownBy(env)).toMatch(/^The settings CLAIM_JWT_JWKS_URL and CLAIM_JWT_PUBLIC_KEY are both set/);
  });

  test('a key of another kind, a private key, or a weak one', async () => {
    const { pem } = await newKey('any', 'ES384');
    expect(thrownBy({ ...KEYED, CLAIM_JWT_PUBLIC_KEY: pem })).toMatch(/^The setting CLAIM_JWT_PUBLIC_KEY .*EdDSA/);
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 1_024,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    expect(thrownBy({ ...KEYED, CLAIM_JWT_PUBLIC_KEY: pair.publicKey })).toMatch(
      /^The setting CLAIM_JWT_PUBLIC_KEY .*2048/,
    );
    expect(thrownBy({ ...KEYED, CLAIM_JWT_PUBLIC_KEY: pair.privateKey })).toMatch(
      /^The setting CLAIM_JWT_PUBLIC_KEY .*private key/,
    );
  });
});

const thrownBy = (env: NodeJS.ProcessEnv): string => {
  try {
    readEnv(env);
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
};
