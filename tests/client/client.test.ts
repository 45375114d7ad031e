import { type CallOptions, type Client, type ClientOptions, createClient } from '@flashclaim/client';
import { describe, expect, test } from 'vitest';
import {
  answer,
  closeUnanswered,
  neverAnswer,
  page,
  problem,
  type Reaction,
  type StubServer,
  startStubServer,
} from '../support/stub-server.ts';

let stub: StubServer;

const clientOf = async (reaction: Reaction, path = '', options: Partial<ClientOptions> = {}): Promise<Client> => {
  stub = await startStubServer(reaction);
  return createClient({ baseUrl: stub.url + path, ...options });
};

describe('the base URL', () => {
  test.each(['', '/', '//'])('may end in "%s"', async (end) => {
    await (await clientOf(answer(200, { status: 'ok' }), end)).health();
    expect(stub.received[0]?.url).toBe('/health');
  });

  test('may have a path, and be a URL', async () => {
    stub = await startStubServer(problem(404, 'coupon_not_found'));
    await createClient({ baseUrl: new URL('/sales/eu/?a=b#c', stub.url) }).coupon('a/b?');
    expect(stub.received[0]?.url).toBe('/sales/eu/api/coupons/a%2Fb%3F');
  });

  test.each(['', 'localhost:8080', 'ftp://localhost', '/api', 'http://user:password@localhost'])(
    'can not be "%s"',
    (baseUrl) => {
      expect(() => createClient({ baseUrl })).toThrow(/^baseUrl must be/);
    },
  );
});

test('the token is sent where it makes a difference, and never with a claim', async () => {
  const client = await clientOf(problem(404, 'coupon_not_found'), '', { token: 'secret token' });
  await client.coupon('coupon');
  await client.claim({ userId: 'user', couponName: 'coupon' });
  await client.createCoupon({ name: 'coupon', amount: 1 }).catch(() => {});
  await client.updateCoupon('coupon', { paused: true });
  await client.release('id').catch(() => {});
  for (const list of [client.coupons(), client.claimsOf('coupon'), client.claimsOfUser('user')])
    await list
      .pages()
      .next()
      .catch(() => {});
  await client.claimStatus('id').catch(() => {});
  const sent = stub.received.map(({ method, url, headers }) => [method, url, headers.authorization]);
  const token = 'Bearer secret token';
  expect(sent).toEqual([
    ['GET', '/api/coupons/coupon', token],
    ['POST', '/api/coupons/claim', undefined],
    ['POST', '/api/coupons', token],
    ['PATCH', '/api/coupons/coupon', token],
    ['DELETE', '/api/claims/id', token],
    ['GET', '/api/coupons', token],
    ['GET', '/api/coupons/coupon/claims', token],
    ['GET', '/api/users/user/claims', token],
    ['GET', '/api/claims/id', undefined],
  ]);
});

describe('headers of the caller', () => {
  const options = { headers: { Authorization: 'Bearer key', 'X-Shop': 'eu', 'Content-Type': 'text/plain' } };

  test('go with every request, and the headers of the client win', async () => {
    const client = await clientOf(problem(404, 'coupon_not_found'), '', { ...options, token: 'secret token' });
    await client.coupon('coupon');
    await client.claim({ userId: 'user', couponName: 'coupon' }, { idempotencyKey: 'key' });
    await client.createCoupon({ name: 'coupon', amount: 1 }).catch(() => {});
    expect(stub.received.map(({ headers }) => headers['x-shop'])).toEqual(['eu', 'eu', 'eu']);
    expect(stub.received.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer secret token',
      'Bearer key',
      'Bearer secret token',
    ]);
    expect(stub.received[1]?.headers).toMatchObject({ 'content-type': 'application/json', 'idempotency-key': 'key' });
  });

  test('may not be changed later', async () => {
    const headers = { 'x-shop': 'eu' };
    const client = await clientOf(answer(200, { status: 'ok' }), '', { headers });
    headers['x-shop'] = 'us';
    await client.health();
    expect(stub.received[0]?.headers['x-shop']).toBe('eu');
  });

  test.each<[string, Record<string, unknown>]>([
    ['a name with a blank', { 'a b': 'secret' }],
    ['an empty name', { '': 'secret' }],
    ['a line break in a value', { a: 'secret\r\nb: c' }],
    ['a value that Latin-1 lacks', { a: 'secret ☃' }],
    ['a number', { a: 5 }],
  ])('with %s are refused, without their value in the message', (_, headers) => {
    const create = () => createClient({ baseUrl: 'http://localhost', headers: headers as Record<string, string> });
    expect(create).toThrow(TypeError);
    expect(create).toThrow(/^headers contains (?!.*secret)/s);
  });
});

describe('credentials', () => {
  test.each(['omit', 'same-origin', 'include', undefined] as const)('%s go to fetch', async (credentials) => {
    const inits: (RequestInit | undefined)[] = [];
    const client = await clientOf(answer(200, { status: 'ok' }), '', {
      credentials,
      fetch: (input, init) => {
        inits.push(init);
        return fetch(input, init);
      },
    });
    await client.health();
    expect(inits.map((init) => init?.credentials)).toEqual([credentials]);
  });

  test('of another name are refused', () => {
    const options = { baseUrl: 'http://localhost', credentials: 'always' as 'omit' };
    expect(() => createClient(options)).toThrow(/^credentials is "always", but it must be one of omit, same-origin/);
  });
});

test("a fetch of one's own is called as a function", async () => {
  const calls: unknown[] = [];
  const client = await clientOf(answer(200, { status: 'ok' }), '', {
    fetch(this: unknown, input, init) {
      calls.push(this);
      return fetch(input, init);
    },
  });
  await client.health();
  expect(calls).toEqual([undefined]);
});

const COUPON = { name: 'a/b', amount: 5, remaining_amount: 5, version: 3, state: 'paused', paused: true };

test('a coupon is created with its window', async () => {
  const client = await clientOf(answer(201, COUPON));
  const window = { starts_at: '2026-06-01T12:00:00+02:00', ends_at: '2026-06-01T14:00:00+02:00', paused: true };
  expect(await client.createCoupon({ name: 'a/b', amount: 5, ...window })).toMatchObject({ coupon: COUPON });
  expect(stub.received[0]?.body).toEqual({ name: 'a/b', amount: 5, ...window });
});

describe('updateCoupon', () => {
  test('sends what changes, and nothing else', async () => {
    const client = await clientOf(answer(200, COUPON));
    const changes = { paused: true, ends_at: null, version: 2 };
    expect(await client.updateCoupon('a/b', changes)).toEqual({ outcome: 'updated', coupon: COUPON });
    expect(stub.received).toMatchObject([{ method: 'PATCH', url: '/api/coupons/a%2Fb' }]);
    expect(stub.received[0]?.body).toEqual(changes);
  });

  test.each([
    [404, 'coupon_not_found'],
    [409, 'amount_below_claimed'],
    [409, 'version_conflict'],
  ])('has the outcome %i %s', async (status, outcome) => {
    const client = await clientOf(problem(status, outcome));
    expect(await client.updateCoupon('c', { amount: 1 })).toEqual({ outcome });
  });
});

describe('a call that is not retried', () => {
  const calls: [string, (client: Client, options: CallOptions) => Promise<unknown>][] = [
    ['createCoupon', (client, options) => client.createCoupon({ name: 'c', amount: 1 }, options)],
    ['updateCoupon', (client, options) => client.updateCoupon('c', { amount: 1 }, options)],
    ['coupon', (client, options) => client.coupon('c', options)],
    ['claimStatus', (client, options) => client.claimStatus('c', options)],
    ['health', (client, options) => client.health(options)],
  ];
  const ends: [string, Reaction, object][] = [
    ['no_answer', closeUnanswered, { status: undefined }],
    ['timed_out', neverAnswer, { status: undefined }],
    ['no_answer', page(503, { 'retry-after': '7' }), { status: 503, retryAfterMs: 7_000 }],
    ['not_flashclaim', page(200), { status: 200 }],
    ['not_flashclaim', answer(200, {}), { status: 200 }],
    ['internal_error', problem(500, 'internal_error'), { status: 500, requestId: 'the-request' }],
  ];
  const all = calls.flatMap(([name, call]) => ends.map((end) => [name, ...end, call] as const));

  test.each(all)('%s ends in %s at once', async (_, code, reaction, fault, call) => {
    const client = await clientOf(reaction);
    const timeoutMs = code === 'timed_out' ? 100 : 60_000;
    await expect(call(client, { timeoutMs })).rejects.toMatchObject({ name: 'FlashclaimError', code, ...fault });
    expect(stub.received).toHaveLength(1);
  });

  test('health tells what is down', async () => {
    const client = await clientOf(problem(503, 'unavailable'));
    expect(await client.health()).toEqual({ status: 'unavailable', detail: 'The detail of unavailable.' });
  });
});
