import { URL_PARAMETER_MAX_CHARS } from '@flashclaim/core';
import { describe, expect, test } from 'vitest';
import { claim, createCoupon } from '../../support/call-api.ts';
import { expectProblem } from '../../support/expect-problem.ts';
import { exchange, rawPost, rawRequest } from '../../support/raw-connection.ts';
import { expectNoJobs, systemForFile } from '../../support/system-for-file.ts';

const target = systemForFile();

const send = (method: string, address: string, ...headers: string[]) =>
  exchange(target.url, rawRequest(`${method} ${address} HTTP/1.1`, ...headers));
const get = (address: string) => send('GET', address);

describe('escapes that are none', () => {
  test.each(['%', '%z', '%zz', '%4', 'a%', '%E0%A4%A', '%C0%AF', '%FF', '%ED%A0%BD', '%F4%90%80%80', '%uFF01'])(
    '%s',
    async (name) => {
      expectProblem(await get(`/api/coupons/${name}`), 'invalid_request');
      expectProblem(await get(`/api/claims/${name}`), 'invalid_request');
    },
  );

  test.each(['%00', 'a%00', '%0A', '%0d%0aX-A:%20b', '%1F', '%7F', '%C2%85', '%20', '', '%E3%80%80'])(
    '%s can be no name',
    async (name) => {
      expectProblem(await get(`/api/coupons/${name}`), 'invalid_request', /^name must/);
    },
  );

  test('in a query they are no limit', async () => {
    for (const limit of ['%zz', '%', '%00', '%FF', '1&limit=2', '٣', '1,5', 'NaN', 'Infinity', '1e400', '1_0'])
      expectProblem(await get(`/api/coupons/name?limit=${encodeURI(limit)}`), 'invalid_request', /^limit/);
  });

  test('an answer repeats no header that a caller smuggles in', async () => {
    const reply = await get('/api/coupons/%0d%0aX-Smuggled:%20yes');
    expect(reply.headers.has('x-smuggled')).toBe(false);
  });
});

describe('a name in an address', () => {
  test.each([
    ['a slash', 'a/b', 'a%2Fb'],
    ['a slash, in small letters', 'a/c', 'a%2fc'],
    ['an escaped slash', 'a%2Fb', 'a%252Fb'],
    ['plus is no blank', 'a+b', 'a+b'],
    ['a blank', 'a b', 'a%20b'],
    ['a question mark', 'a?b', 'a%3Fb'],
    ['a hash', 'a#b', 'a%23b'],
    ['a semicolon', 'a;b', 'a;b'],
    ['what needs no escape', 'abc', '%61%62%63'],
    ['a way out', '../../health', '..%2F..%2Fhealth'],
    ['not normalised', 'zo\u00eb', 'zoe%CC%88'],
    ['a backslash', 'a\\b', 'a%5Cb'],
  ])('%s', async (_, name, escaped) => {
    await createCoupon(target.url, name, 1);
    expect((await claim(target.url, name, 'user')).body).toMatchObject({ coupon_name: name });
    expect(await get(`/api/coupons/${escaped}`)).toMatchObject({ status: 200, body: { name, claimed_by: ['user'] } });
  });

  test.each(['.', '..', '%2E', '%2e%2E'])('%s is nobody’s', async (escaped) => {
    expectProblem(await get(`/api/coupons/${escaped}`), 'coupon_not_found');
  });

  test('as long as it may be, and longer', async () => {
    expectProblem(await get(`/api/coupons/${'%C3%A9'.repeat(255)}`), 'coupon_not_found');
    expectProblem(await get(`/api/coupons/${'%C3%A9'.repeat(256)}`), 'invalid_request', /^name must/);
    expectProblem(await get(`/api/claims/${'x'.repeat(65)}`), 'invalid_request', /^claim_id/);
  });

  const tooLong = 'x'.repeat(URL_PARAMETER_MAX_CHARS + 1);

  test.each([
    ['/api/coupons/', '', 'name'],
    ['http://elsewhere.example/api/coupons/', '/claims', 'name'],
    ['/api/claims/', '?a=b', 'claim_id'],
    ['/api/users/', '/claims', 'user_id'],
  ])('that is too long for the router is a fault of its parameter: %s…%s', async (before, after, parameter) => {
    const reply = await get(before + tooLong + after);
    expectProblem(reply, 'invalid_request', new RegExp(`^${parameter} is longer`));
    expect(reply.body.errors).toEqual([{ parameter, detail: reply.body.detail }]);
  });

  test('that is too long and of no documented call is a fault without a place', async () => {
    const reply = await get(`/problems/${tooLong}`);
    expectProblem(reply, 'invalid_request', /^A name in the address is longer/);
    expect(reply.body.errors).toEqual([{ detail: reply.body.detail }]);
  });
});

describe('the address of a request', () => {
  test.each([
    ['with a host', 'http://elsewhere.example/health'],
    ['with https', 'https://elsewhere.example/health'],
    ['with a port', 'http://elsewhere.example:1/health'],
    ['with a query', '/health?a=%zz&__proto__=1&constructor=2'],
  ])('%s is understood', async (_, address) => {
    expect(await get(address)).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  test('a claim by an absolute address', async () => {
    await createCoupon(target.url, 'absolute', 1);
    const bytes = rawPost('http://elsewhere.example/api/coupons/claim', '{"user_id":"u","coupon_name":"absolute"}');
    expect(await exchange(target.url, bytes)).toMatchObject({ status: 200, body: { user_id: 'u' } });
  });

  test.each(['/health/', '//health', '/HEALTH', '/api/../health', '/api/coupons/name/', '/%68ealth/x'])(
    '%s is another one: there is nothing',
    async (address) => {
      expectProblem(await get(address), 'not_found');
    },
  );

  // The router takes `*` for the root.
  test.each(['/', '/?', '*'])('%s leads to the reference page', async (address) => {
    const { status, headers } = await get(address);
    expect([status, headers.get('location')]).toEqual([302, '/docs']);
  });

  test.each(['health', 'elsewhere.example:80', '\\health'])('%s is none', async (address) => {
    expectProblem(await get(address), 'invalid_request');
  });

  test('what is not there is repeated in part only', async () => {
    expect((await get(`/${'x'.repeat(4_000)}`)).body.detail.length).toBeLessThan(300);
  });
});

describe('no address leads out of the folders that are served', () => {
  test.each(['/docs/static', '/admin/queues/static', '/live/assets'])('%s', async (folder) => {
    for (const way of [
      '../package.json',
      '..%2f..%2fpackage.json',
      '%2e%2e/package.json',
      '..%5cpackage.json',
      '%00',
      '.',
    ])
      expect([400, 403, 404]).toContain((await get(`${folder}/${way}`)).status);
  });
});

describe('methods', () => {
  expectNoJobs(target);

  test('HEAD is GET without the body', async () => {
    for (const [address, status] of [
      ['/health', 200],
      ['/api/coupons/missing', 404],
      ['/nowhere', 404],
    ] as const) {
      const [head, full] = [await send('HEAD', address), await get(address)];
      expect(head).toMatchObject({ status, body: undefined });
      expect(head.headers.get('content-type')).toBe(full.headers.get('content-type'));
    }
  });

  test.each([
    ['DELETE', '/api/coupons', 'GET, HEAD, POST'],
    ['PUT', '/api/coupons/claim', 'POST'],
    ['DELETE', '/api/coupons/claim', 'POST'],
    ['POST', '/health', 'GET'],
    ['PATCH', '/api/claims/some', 'GET'],
    ['TRACE', '/health', 'GET'],
    ['POST', '/api/coupons/some', 'GET'],
  ])('%s %s is not taken; the answer says what is', async (method, address, allowed) => {
    const reply = await send(method, address);
    expectProblem(reply, 'method_not_allowed');
    expect(reply.headers.get('allow')).toContain(allowed);
  });

  test('OPTIONS of everything is answered as of the root', async () => {
    const { status, headers } = await send('OPTIONS', '*');
    expect([status, headers.get('allow')]).toEqual([204, 'GET, HEAD']);
  });

  test('CONNECT: there is no proxy here', async () => {
    const reply = await exchange(target.url, rawRequest('CONNECT elsewhere.example:80 HTTP/1.1'));
    expectProblem(reply, 'invalid_request', 'tunnel');
  });
});
