import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, type Reply } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { Contract } from '../support/openapi.ts';
import { exchange, rawRequest } from '../support/raw-connection.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import {
  AUDIENCE,
  ISSUER,
  type IssuerKey,
  inSeconds,
  type KeyServer,
  newKey,
  startKeyServer,
  tokenOf,
} from '../support/token-issuer.ts';
import { until } from '../support/until.ts';

/** How often the API asks a key server at most. */
const KEYS_PAUSE_MS = 5_000;

const KEY = 'a claim key for tests';
const NEXT_KEY = 'the-next-claim-key~+/=';

let system: System;
let url: string;
const log: string[] = [];

const onSystem = (options: () => Promise<SystemOptions> | SystemOptions) => {
  beforeAll(async () => {
    log.length = 0;
    system = await startSystem({ output: (line) => void log.push(line), ...(await options()) });
    url = system.urls[0] as string;
  });
  afterAll(() => system?.close());
};

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const claimsOf = (name: string) => system.stores.mongo.claims.countDocuments({ coupon_name: name });

const CHALLENGE = 'Bearer realm="flashclaim"';
const expectRejected = (reply: Reply, challenge: string, detail?: RegExp): void => {
  expectProblem(reply, 'unauthorized', detail);
  expect(reply.headers.get('www-authenticate')).toBe(challenge);
};

describe('with API keys', () => {
  onSystem(() => ({ env: { CLAIM_API_KEYS: `${KEY}, ${NEXT_KEY}` } }));
  beforeAll(() => createCoupon(url, 'keyed', 100));

  test.each([KEY, NEXT_KEY])('a back end with the key %s claims for any user', async (key) => {
    const reply = await claim(url, 'keyed', `user of ${key}`, bearer(key));
    expect(reply).toMatchObject({ status: 200, body: { user_id: `user of ${key}` } });
    const missing = await call(`${url}/api/coupons/claim`, 'POST', { coupon_name: 'keyed' }, bearer(key));
    expectProblem(missing, 'invalid_request', 'user_id is missing.');
  });

  test('a request without a key is rejected before its body is read', async () => {
    const before = await claimsOf('keyed');
    const without: Record<string, string>[] = [
      {},
      { authorization: `Basic ${btoa(`x:${KEY}`)}` },
      { authorization: KEY },
    ];
    for (const headers of without)
      expectRejected(await claim(url, 'keyed', 'thief', headers), CHALLENGE, /an API key\.$/);
    expectRejected(await call(`${url}/api/coupons/claim`, 'POST', '{"user_id":'), CHALLENGE);
    expect(await claimsOf('keyed')).toBe(before);
  });

  test.each([
    ['another', 'another key for tests'],
    ['a part of one', KEY.slice(0, -1)],
    ['one with more behind it', `${KEY}x`],
    ['both', `${KEY}, ${NEXT_KEY}`],
    ['one in capitals', KEY.toUpperCase()],
    ['odd characters', '\u00e9\u00ff%00"\\;'],
    ['8,000 characters', 'x'.repeat(8_000)],
  ])('a wrong key is rejected: %s', async (_, key) => {
    expectRejected(await claim(url, 'keyed', 'thief', bearer(key)), `${CHALLENGE}, error="invalid_token"`);
  });

  test('two headers are no key, though one of them has it', async () => {
    const headers = [`Authorization: Bearer ${KEY}`, 'Authorization: Bearer another', 'Content-Length: 0'];
    expectProblem(await exchange(url, rawRequest('POST /api/coupons/claim HTTP/1.1', ...headers)), 'unauthorized');
  });

  test('a header of one megabyte is rejected', async () => {
    const headers = [`Authorization: Bearer ${'x'.repeat(1_000_000)}`, 'Content-Length: 0'];
    expectProblem(await exchange(url, rawRequest('POST /api/coupons/claim HTTP/1.1', ...headers)), 'headers_too_large');
  });

  test('the status of a claim needs a key, too', async () => {
    const { body } = await claim(url, 'keyed', 'reader', bearer(KEY));
    const path = `${url}/api/claims/${body.claim_id}`;
    expectRejected(await call(path, 'GET'), CHALLENGE);
    expect(await call(path, 'GET', undefined, bearer(NEXT_KEY))).toMatchObject({
      status: 200,
      body: { user_id: 'reader' },
    });
  });

  test('a test sale claims with a key of its own', async () => {
    const response = await fetch(`${url}/live/test-sale`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ users: 5, units: 2, attempts: 1 }),
    });
    const lines = (await response.text()).trim().split('\n');
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({
      counts: { claimed: 2, out_of_stock: 3 },
      asExpected: true,
    });
  });

  test('the document says so', async () => {
    const contract = await Contract.read(url);
    expect(contract.operation('claimCoupon').security).toEqual([{ claimKey: [] }]);
    expect(contract.operation('getClaim').security).toEqual([{ claimKey: [] }]);
  });
});

describe('with tokens', () => {
  let key: IssuerKey;
  let keys: Record<string, IssuerKey>;
  let keyServer: KeyServer;
  onSystem(async () => {
    key = await newKey('first');
    keys = { EdDSA: key, ES256: await newKey('second', 'ES256'), RS256: await newKey('third', 'RS256') };
    keyServer = await startKeyServer(...Object.values(keys));
    return {
      env: {
        CLAIM_API_KEYS: KEY,
        CLAIM_JWT_ISSUER: ISSUER,
        CLAIM_JWT_AUDIENCE: AUDIENCE,
        CLAIM_JWT_JWKS_URL: keyServer.url,
        RATE_LIMIT_PER_USER: '9',
        LOG_LEVEL: 'trace',
      },
    };
  });
  beforeAll(() => createCoupon(url, 'tokens', 100));
  afterAll(() => keyServer?.close());

  const claimWith = (token: string, body: object = { coupon_name: 'tokens' }) =>
    call(`${url}/api/coupons/claim`, 'POST', body, bearer(token));

  test.each(['EdDSA', 'ES256', 'RS256'])('the user of a token that is signed with %s claims', async (algorithm) => {
    const token = await tokenOf(keys[algorithm] as IssuerKey, algorithm, { claims: { aud: ['others', AUDIENCE] } });
    expect(await claimWith(token)).toMatchObject({ status: 200, body: { user_id: algorithm } });
    // Again, with the same token: its signature is not verified a second time.
    expectProblem(await claimWith(token), 'already_claimed');
  });

  test('user_id may name the user of the token in any normal form, and nobody else', async () => {
    const token = await tokenOf(key, 'zo\u00eb');
    const as = (user_id: unknown) => claimWith(token, { coupon_name: 'tokens', user_id });
    expect(await as('zoe\u0308')).toMatchObject({ status: 200, body: { user_id: 'zo\u00eb' } });
    const before = await claimsOf('tokens');
    expectProblem(await as('alice@example.com'), 'user_mismatch', /Leave user_id out/);
    for (const wrong of [null, 5, '', ' ', ['zoe']]) expectProblem(await as(wrong), 'invalid_request', /user_id/);
    expect(await claimsOf('tokens')).toBe(before);
  });

  test('a key is enough, without a token, and then user_id is needed', async () => {
    expect((await claim(url, 'tokens', 'by key', bearer(KEY))).status).toBe(200);
    expectProblem(await claimWith(KEY), 'invalid_request', 'user_id is missing.');
  });

  test('an unknown body is answered only after the token is accepted', async () => {
    expectProblem(await claimWith('no token', { coupon_name: 5 }), 'unauthorized');
    expectProblem(await claimWith(await tokenOf(key, 'user'), { coupon_name: 5 }), 'invalid_request');
  });

  test.each<[string, RegExp, () => Promise<string> | string]>([
    ['it has expired', /has expired/, () => tokenOf(key, 'user', { claims: { exp: inSeconds(-1) } })],
    ['it never expires', /Its exp is/, () => tokenOf(key, 'user', { claims: { exp: undefined } as never })],
    ['it is not valid yet', /Its nbf is/, () => tokenOf(key, 'user', { claims: { nbf: inSeconds(60) } })],
    ['its audience is another', /Its aud is/, () => tokenOf(key, 'user', { claims: { aud: 'others' } })],
    ['its issuer is another', /Its iss is/, () => tokenOf(key, 'user', { claims: { iss: `${ISSUER}/` } })],
    ['it names no user', /Its sub is/, () => tokenOf(key, 'user', { claims: { sub: undefined } as never })],
    ['its user is a number', /Its sub is/, () => tokenOf(key, 'user', { claims: { sub: 5 } as never })],
    ['its user is no valid name', /Its sub is/, () => tokenOf(key, ' ')],
    ['its user is not in normal form', /normal form/, () => tokenOf(key, '\u212aevin')],
    ['its user has a control character', /Its sub is/, () => tokenOf(key, 'user\u0000')],
    ['its key is unknown', /key is not known/, async () => tokenOf(await newKey('unknown'), 'user')],
    ['its key has the id of another', /must be a JWT/, async () => tokenOf(await newKey('first'), 'user')],
    ['its algorithm is not accepted', /must be a JWT/, async () => tokenOf(await newKey('first', 'PS256'), 'user')],
    ['it has no signature', /must be a JWT/, async () => (await tokenOf(key, 'user')).replace(/[^.]+$/, '')],
    ['its user was changed', /must be a JWT/, async () => withPayload(await tokenOf(key, 'user'), { sub: 'alice' })],
    ['its algorithm is none', /must be a JWT/, async () => withHeader(await tokenOf(key, 'user'), { alg: 'none' }, '')],
    ['it is an HMAC with the public key', /must be a JWT/, async () => hmacWith(key.pem, await tokenOf(key, 'user'))],
    ['it has a critical extension', /must be a JWT/, () => tokenOf(key, 'user', { header: { crit: ['x'], x: 1 } })],
    ['it is no token', /must be a JWT/, () => 'a.b.c'],
    ['it is long and no token', /must be a JWT/, () => `${'x'.repeat(7_000)}.${'y'.repeat(7_000)}.z`],
  ])('a token is rejected: %s', async (_, detail, token) => {
    const before = await claimsOf('tokens');
    const given = await token();
    expectRejected(await claimWith(given), `${CHALLENGE}, error="invalid_token"`, detail);
    expectRejected(
      await call(`${url}/api/claims/any`, 'GET', undefined, bearer(given)),
      `${CHALLENGE}, error="invalid_token"`,
    );
    expect(await claimsOf('tokens')).toBe(before);
  });

  test('a token that was accepted is rejected as soon as it has expired', async () => {
    const token = await tokenOf(key, 'short', { claims: { exp: inSeconds(4) } });
    expect((await claimWith(token)).status).toBe(200);
    await until(async () => (await claimWith(token)).status === 401);
  });

  test('a limit for users counts the user of the token, whatever the body says', async () => {
    const token = await tokenOf(key, 'impatient');
    const statuses: number[] = [];
    for (let i = 0; i < 10; i++) statuses.push((await claimWith(token)).status);
    expect(statuses).toEqual([200, ...Array(8).fill(409), 429]);
    const other = await claimWith(await tokenOf(key, 'unlimited'), { coupon_name: 'tokens', user_id: 'impatient' });
    expectProblem(other, 'user_mismatch');
    expect((await claimWith(await tokenOf(key, 'unlimited'))).status).toBe(200);
  });

  test('a claim can be read by its owner alone, and with a key', async () => {
    const { body } = await claimWith(await tokenOf(key, 'owner'));
    const readAs = async (headers: Record<string, string>) =>
      call(`${url}/api/claims/${body.claim_id}`, 'GET', undefined, headers);
    expect(await readAs(bearer(await tokenOf(key, 'owner')))).toMatchObject({
      status: 200,
      body: { user_id: 'owner' },
    });
    expect((await readAs(bearer(KEY))).status).toBe(200);
    const others = await readAs(bearer(await tokenOf(key, 'other')));
    const unknown = await call(`${url}/api/claims/unknown`, 'GET', undefined, bearer(await tokenOf(key, 'other')));
    expectProblem(others, 'not_found');
    expect(others.body.detail).toBe(unknown.body.detail);
    expectRejected(await readAs({}), CHALLENGE, /an API key or a token\.$/);
  });

  test('the document says so, and that user_id may be left out', async () => {
    const contract = await Contract.read(url);
    expect(contract.operation('claimCoupon').security).toEqual([{ claimKey: [] }, { claimToken: [] }]);
    expect(contract.document.components.schemas['ClaimRequest']).toMatchObject({ required: ['coupon_name'] });
  });

  test('no log line contains a user, a key or a token', () => {
    expect(log.length).toBeGreaterThan(0);
    expect(log.filter((line) => /eyJ|alice|zo\u00eb|owner|impatient|claim key for tests/.test(line))).toEqual([]);
  });
});

describe('with keys of a key server', () => {
  let old: IssuerKey;
  let keyServer: KeyServer;
  onSystem(async () => {
    old = await newKey('old');
    keyServer = await startKeyServer(old);
    keyServer.serve(undefined);
    return {
      workers: 0,
      env: { CLAIM_JWT_ISSUER: ISSUER, CLAIM_JWT_AUDIENCE: AUDIENCE, CLAIM_JWT_JWKS_URL: keyServer.url },
    };
  });
  afterAll(() => keyServer?.close());

  const statusWith = async (key: IssuerKey) =>
    (await call(`${url}/api/claims/any`, 'GET', undefined, bearer(await tokenOf(key, 'user')))).status;
  const becomes = (key: IssuerKey, status: number) => until(async () => (await statusWith(key)) === status);

  test('a token is answered 503 while no key is known, a wrong one 401; the log says so once', async () => {
    const reply = await call(`${url}/api/claims/any`, 'GET', undefined, bearer(await tokenOf(old, 'user')));
    expectProblem(reply, 'unavailable', /keys for tokens/);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expectProblem(await call(`${url}/api/claims/any`, 'GET', undefined, bearer('none')), 'unauthorized');
    expect(log.filter((line) => line.includes('CLAIM_JWT_JWKS_URL'))).toHaveLength(1);
  });

  test('it is accepted once the server answers, and while the server is down again; an unknown key is not', async () => {
    keyServer.serve([old]);
    await becomes(old, 404);
    keyServer.serve(undefined);
    const unknown = await newKey('unknown');
    const { reads } = keyServer;
    await until(async () => {
      expect(await statusWith(unknown)).toBe(401);
      return keyServer.reads > reads;
    });
    expect(await statusWith(old)).toBe(404);
  });

  test('new keys are found at their first token, also where it names none, and a removed one is refused', async () => {
    const [one, other] = [await newKey('one'), await newKey('other')];
    keyServer.serve([one, other]);
    await becomes(one, 404);
    expect(await statusWith(old)).toBe(401);
    const statusWithout = async (key: IssuerKey) => {
      const token = await tokenOf(key, 'user', { header: { kid: undefined } as never });
      return (await call(`${url}/api/claims/any`, 'GET', undefined, bearer(token))).status;
    };
    expect(await Promise.all([one, other, await newKey('foreign')].map(statusWithout))).toEqual([404, 404, 401]);
  });

  test('a flood of unknown keys asks the server every few seconds at most', async () => {
    const { reads } = keyServer;
    const unknown = await newKey('flood');
    const start = performance.now();
    for (let i = 0; i < 100; i++) expect(await statusWith(unknown)).toBe(401);
    expect(keyServer.reads - reads).toBeLessThanOrEqual(1 + (performance.now() - start) / KEYS_PAUSE_MS);
  });
});

describe('with one public key', () => {
  let key: IssuerKey;
  onSystem(async () => {
    key = await newKey('only', 'ES256');
    const env = { CLAIM_JWT_ISSUER: ISSUER, CLAIM_JWT_AUDIENCE: AUDIENCE };
    // As in a variable of one line.
    return { workers: 0, env: { ...env, CLAIM_JWT_PUBLIC_KEY: key.pem.trim().replaceAll('\n', '\\n') } };
  });

  test('its tokens are accepted, and no others', async () => {
    await createCoupon(url, 'one key', 5);
    const body = { coupon_name: 'one key' };
    const claimWith = (token: string) =>
      call(`${url}/api/coupons/claim`, 'POST', body, { ...bearer(token), prefer: 'respond-async' });
    expect(await claimWith(await tokenOf(key, 'user'))).toMatchObject({ status: 202, body: { user_id: 'user' } });
    for (const algorithm of ['EdDSA', 'RS256', 'ES256'] as const)
      expectProblem(await claimWith(await tokenOf(await newKey('only', algorithm), 'user')), 'unauthorized');
    expectProblem(await claimWith(hmacWith(key.pem, await tokenOf(key, 'user'))), 'unauthorized');
    expectProblem(await claimWith(key.pem.replaceAll('\n', '')), 'unauthorized');
  });
});

describe('who may claim is checked after the load and the address, and before the body', () => {
  onSystem(() => ({ workers: 0, env: { CLAIM_API_KEYS: KEY, RATE_LIMIT_PER_ADDRESS: '2', CLAIMS_PENDING_MAX: '1' } }));

  test('503, then 429, then 401', async () => {
    expectProblem(await claim(url, 'any', 'user'), 'unauthorized');
    expect((await claim(url, 'any', 'user', { ...bearer(KEY), prefer: 'respond-async' })).status).toBe(202);
    expectProblem(await call(`${url}/api/coupons/claim`, 'POST', '{'), 'overloaded');
    await system.addWorker();
    await until(async () => (await claim(url, 'any', 'user')).body.code !== 'overloaded');
    expectProblem(await call(`${url}/api/coupons/claim`, 'POST', '{'), 'rate_limited');
  });
});

describe('the start', () => {
  test.each([
    ['nothing restricts claims on a public address', { HOST: '0.0.0.0' }, 1],
    ['keys restrict them', { HOST: '0.0.0.0', CLAIM_API_KEYS: KEY }, 0],
    ['only this machine reaches the port', {}, 0],
  ])('warns once if everybody may claim: %s', async (_, env, warnings) => {
    const lines: string[] = [];
    const started = await startSystem({
      workers: 0,
      env: { ADMIN_TOKEN: 'a token for tests', ...env },
      output: (line) => void lines.push(line),
    });
    await started.close();
    expect(lines.filter((line) => line.includes('everybody who reaches this port can claim'))).toHaveLength(warnings);
  });
});

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part = ''): object => JSON.parse(Buffer.from(part, 'base64url').toString());

const withPayload = (token: string, claims: object): string => {
  const [header, payload, signature] = token.split('.');
  return [header, encode({ ...decode(payload), ...claims }), signature].join('.');
};

const withHeader = (token: string, header: object, signature: string): string =>
  [encode(header), token.split('.')[1], signature].join('.');

/** The key confusion: a verifier that takes the public key for a shared secret accepts this. */
const hmacWith = (pem: string, token: string): string => {
  const unsigned = withHeader(token, { alg: 'HS256', kid: 'first' }, '').slice(0, -1);
  return `${unsigned}.${createHmac('sha256', pem).update(unsigned).digest('base64url')}`;
};
