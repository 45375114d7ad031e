import { decodeCursor } from '@flashclaim/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, type Reply } from '../support/call-api.ts';
import { grantUnits, releaseUnit } from '../support/grant-units.ts';
import { type System, startSystem } from '../support/system.ts';

const TOKEN = 'a token for tests';
const asAdmin = { authorization: `Bearer ${TOKEN}` };
const NAME = 'a/b "ü"';

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ workers: 0, env: { ADMIN_TOKEN: TOKEN } });
  url = system.urls[0] as string;
  await call(`${url}/api/coupons`, 'POST', { name: NAME, amount: 9 }, asAdmin);
  const { mongo } = system.stores;
  await grantUnits(mongo, NAME, ['zoe', 'adam', 'mia', 'ben']);
  // As after a failover: the order in which documents were inserted is another one.
  const zoe = await mongo.claims.findOneAndDelete({ user_id: 'zoe' });
  if (zoe) await mongo.claims.insertOne(zoe);
});
afterAll(() => system?.close());

const path = `/api/coupons/${encodeURIComponent(NAME)}`;
const read = (query = '', headers: Record<string, string> = asAdmin, method = 'GET'): Promise<Reply> =>
  call(url + path + query, method, undefined, headers);

/** The position to which the header `Link` leads. */
const nextOf = ({ headers, body }: Reply) => {
  const [, address = '', cursor = ''] =
    /^<(.+)\?status=claimed&after=([\w-]+)>; rel="next"$/.exec(headers.get('link') ?? '') ?? [];
  expect(address).toBe(`${path}/claims`);
  return decodeCursor('claims', body.id, cursor);
};

test('users are listed in the order of their sequence numbers', async () => {
  const reply = await read();
  expect(reply.body).toMatchObject({
    claimed_by: ['zoe', 'adam', 'mia', 'ben'],
    claimed_count: 4,
    remaining_amount: 5,
  });
  expect(reply.headers.get('link')).toBeNull();
  expect((await read('?limit=4')).headers.get('link')).toBeNull();
});

test('where there are more, Link leads to the claims after the last one', async () => {
  const two = await read('?limit=2');
  expect(two.body).toMatchObject({ claimed_by: ['zoe', 'adam'], claimed_count: 4 });
  expect(nextOf(two)).toEqual([2]);
  const none = await read('?limit=0');
  expect(none.body.claimed_by).toEqual([]);
  expect(nextOf(none)).toEqual([0]);
  for (const [reply, users] of [
    [two, ['mia', 'ben']],
    [none, ['zoe', 'adam', 'mia', 'ben']],
  ] as const) {
    const [, path] = /<([^>]+)>/.exec(reply.headers.get('link') ?? '') ?? [];
    const next = await call(`${system.urls[0]}${path}`, 'GET', undefined, asAdmin);
    expect(next.body.data.map((claim: { user_id: string }) => claim.user_id)).toEqual(users);
  }
  expect((await read('?limit=2', asAdmin, 'HEAD')).headers.get('link')).toBe(two.headers.get('link'));
});

test('callers who share a read share its Link, too', async () => {
  const replies = await Promise.all(Array.from({ length: 20 }, () => read('?limit=2')));
  for (const reply of replies) expect(nextOf(reply)).toEqual([2]);
});

test('others see neither users nor Link', async () => {
  const { body, headers } = await read('?limit=2', {});
  expect(body).toMatchObject({ claimed_count: 4, version: 1, state: 'open' });
  expect(body).not.toHaveProperty('claimed_by');
  expect(headers.get('link')).toBeNull();
});

test('a user whose claim was released is not listed, and comes last after another claim', async () => {
  await releaseUnit(system.stores.mongo, { coupon_name: NAME, user_id: 'adam' }, new Date(0));
  expect((await read()).body).toMatchObject({ claimed_by: ['zoe', 'mia', 'ben'], claimed_count: 3 });
  const two = await read('?limit=2');
  expect(two.body.claimed_by).toEqual(['zoe', 'mia']);
  expect(nextOf(two)).toEqual([3]);
  await grantUnits(system.stores.mongo, NAME, ['adam']);
  expect((await read()).body.claimed_by).toEqual(['zoe', 'mia', 'ben', 'adam']);
});

test('the users are read by the index on (coupon_id, sequence), without a sort', async () => {
  const { mongo } = system.stores;
  await mongo.db.command({ profile: 2 });
  await read('?limit=3');
  await mongo.db.command({ profile: 0 });
  const [profiled] = await mongo.db
    .collection('system.profile')
    .find({ appName: 'flashclaim-api', 'command.aggregate': 'coupons' })
    .toArray();
  expect(profiled).toBeDefined();
  // The coupon and three live claims of five, and the released one between them.
  expect(profiled?.['docsExamined']).toBe(5);
  expect(profiled?.['hasSortStage'] ?? false).toBe(false);
});

test('caches may answer with a coupon for as long as the deployment allows, but never with its users', async () => {
  const cached = await system.addApi({ ADMIN_TOKEN: TOKEN, COUPON_MAX_AGE_SECONDS: '2' });
  const cacheControl = async (headers: Record<string, string>) =>
    (await call(cached + path, 'GET', undefined, headers)).headers.get('cache-control');
  expect(await cacheControl({})).toBe('public, max-age=2');
  expect(await cacheControl(asAdmin)).toBe('private, no-cache');
  const open = await system.addApi({ ADMIN_TOKEN: '', COUPON_MAX_AGE_SECONDS: '2' });
  expect((await call(open + path, 'GET')).headers.get('cache-control')).toBe('no-cache');
});
