import { setTimeout as sleep } from 'node:timers/promises';
import { inTransaction, isTransient } from '@flashclaim/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, createCoupon, type Reply } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { insertClaims } from '../support/insert-claims.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

const addressOf = (name: string) => `${url}/api/coupons/${encodeURIComponent(name)}`;
const create = (body: object): Promise<Reply> => call(`${url}/api/coupons`, 'POST', body);
const change = (name: string, body: unknown): Promise<Reply> => call(addressOf(name), 'PATCH', body);
const read = async (name: string) => (await call(addressOf(name), 'GET')).body;
const eventsOf = async (name: string) => {
  const { mongo } = system.stores;
  const coupon = await mongo.coupons.findOne({ name });
  return mongo.events.find({ coupon_id: coupon?._id as never }, { sort: { number: 1 } }).toArray();
};
/** A coupon of which `taken` users hold a unit. */
const couponWith = async (name: string, amount: number, taken: number): Promise<void> => {
  await createCoupon(url, name, amount);
  await insertClaims(
    system.stores.mongo,
    name,
    Array.from({ length: taken }, (_, index) => `user-${index}`),
  );
};
/** The coupon and its events, as they are stored. */
const storedOf = async (name: string) => [await system.stores.mongo.coupons.findOne({ name }), await eventsOf(name)];
const later = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

describe('a new coupon', () => {
  test('has its settings, and times of the database in UTC', async () => {
    const times = { starts_at: '2026-11-27T10:00:00.5+01:00', ends_at: '9999-12-31T23:59:59.999999Z' };
    const { status, body } = await create({ name: '$set', amount: 2_147_483_647, ...times, paused: true });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      name: '$set',
      version: 1,
      state: 'paused',
      starts_at: '2026-11-27T09:00:00.500Z',
      ends_at: '9999-12-31T23:59:59.999Z',
      paused: true,
    });
    expect(body.created_at).toBe(body.updated_at);
    expect(await read('$set')).toEqual(body);
    const int = { $type: 'int' } as never;
    const { coupons } = system.stores.mongo;
    expect(await coupons.countDocuments({ name: '$set', amount: int, remaining_amount: int })).toBe(1);
  });

  test('has no settings where they are null or false', async () => {
    const { body } = await create({ name: 'plain', amount: 1, starts_at: null, ends_at: null, paused: false });
    expect(body).toMatchObject({ version: 1, state: 'open' });
    for (const field of ['starts_at', 'ends_at', 'paused']) expect(body).not.toHaveProperty(field);
    const stored = await system.stores.mongo.coupons.findOne({ name: 'plain' });
    for (const field of ['starts_at', 'ends_at', 'paused']) expect(stored).not.toHaveProperty(field);
  });
});

describe('the state of a coupon', () => {
  test('follows database time, without any change', async () => {
    await create({ name: 'noon', amount: 1, starts_at: later(1), ends_at: later(2) });
    const seen: string[] = [];
    while (seen.at(-1) !== 'ended') {
      const { state, version } = await read('noon');
      expect(version).toBe(1);
      if (state !== seen.at(-1)) seen.push(state);
      await sleep(20);
    }
    expect(seen).toEqual(['scheduled', 'open', 'ended']);
  });

  test('is sold_out without units, and open once units are added', async () => {
    await couponWith('stock', 2, 2);
    expect((await read('stock')).state).toBe('sold_out');
    expect((await change('stock', { amount: 3 })).body).toMatchObject({
      amount: 3,
      remaining_amount: 1,
      claimed_count: 2,
      state: 'open',
    });
  });
});

describe('a change', () => {
  test('changes what it names, and is written as an event', async () => {
    await couponWith('changed', 5, 3);
    const before = await read('changed');
    const { status, body, headers } = await change('changed', {
      amount: 4,
      ends_at: '2030-01-01T00:00:00Z',
      version: 1,
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...before,
      amount: 4,
      remaining_amount: 1,
      version: 2,
      ends_at: '2030-01-01T00:00:00.000Z',
      updated_at: body.updated_at,
    });
    expect(body.updated_at > before.updated_at).toBe(true);
    expect(body.claimed_by).toEqual(['user-0', 'user-1', 'user-2']);
    expect(headers.get('etag')).toMatch(/^W\//);
    expect(await read('changed')).toEqual(body);

    expect((await change('changed', { ends_at: null, paused: true })).body).toMatchObject({
      state: 'paused',
      version: 3,
    });
    expect((await change('changed', { paused: false })).body).not.toHaveProperty('paused');
    expect(await eventsOf('changed')).toMatchObject([
      {
        number: 1,
        after_sequence: 3,
        type: 'coupon.changed',
        at: new Date(body.updated_at),
        data: { amount: 4, ends_at: new Date('2030-01-01T00:00:00Z') },
      },
      { number: 2, data: { ends_at: null, paused: true } },
      { number: 3, data: { paused: false } },
    ]);
  });

  test('that changes nothing is answered with the coupon, and writes nothing', async () => {
    await couponWith('same', 5, 1);
    await change('same', { starts_at: '2020-01-01T00:00:00Z' });
    const before = await system.stores.mongo.coupons.findOne({ name: 'same' });
    const { status, body } = await change('same', { amount: 5, starts_at: '2020-01-01T01:00:00+01:00', paused: false });
    expect([status, body.version]).toEqual([200, 2]);
    expect(await system.stores.mongo.coupons.findOne({ name: 'same' })).toEqual(before);
    expect(await eventsOf('same')).toHaveLength(1);
  });

  test('of a version is made once: of two at the same time, one is refused', async () => {
    await createCoupon(url, 'lost', 10);
    const replies = await Promise.all([11, 12].map((amount) => change('lost', { amount, version: 1 })));
    const [made, refused] = replies.sort((one, other) => one.status - other.status) as [Reply, Reply];
    expect(made.status).toBe(200);
    expectProblem(refused, 'version_conflict', 'The coupon has version 2.');
    expect(await read('lost')).toMatchObject({ amount: made.body.amount, version: 2 });
  });

  test('without a version is made after the others', async () => {
    await createCoupon(url, 'many', 1);
    const amounts = Array.from({ length: 20 }, (_, index) => index + 2);
    const replies = await Promise.all(amounts.map((amount) => change('many', { amount })));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    const { amount, remaining_amount, version } = await read('many');
    expect([remaining_amount, version]).toEqual([amount, 21]);
    const events = await eventsOf('many');
    expect(events.map(({ number }) => number)).toEqual(amounts.map((_, index) => index + 1));
    expect(events.at(-1)?.data).toEqual({ amount });
  });

  test('of the amount never goes below the claimed units', async () => {
    await couponWith('sold', 5, 3);
    const before = await read('sold');
    expectProblem(await change('sold', { amount: 2, paused: true }), 'amount_below_claimed', '3 units are claimed');
    expect(await read('sold')).toEqual(before);
    expect((await change('sold', { amount: 3 })).body).toMatchObject({ remaining_amount: 0, state: 'sold_out' });
    expect((await change('sold', { amount: 2_147_483_647 })).body).toMatchObject({ remaining_amount: 2_147_483_644 });
  });

  test('finds a name in any spelling, and none that does not exist', async () => {
    await createCoupon(url, 'cafe\u0301', 1);
    expect((await change('cafe\u0301', { amount: 2 })).body).toMatchObject({ name: 'caf\u00e9', amount: 2 });
    expectProblem(await change('nobody', { amount: 2 }), 'coupon_not_found');
  });
});

describe('a change that conflicts with another transaction', () => {
  const holdCoupon = async (name: string, milliseconds: number, units = 1): Promise<void> => {
    const { mongo } = system.stores;
    await inTransaction(mongo.client, async (session) => {
      await mongo.coupons.updateOne({ name }, { $inc: { remaining_amount: -units, issued: units } }, { session });
      await sleep(milliseconds);
    });
  };

  test('is made once that has committed', async () => {
    await createCoupon(url, 'held', 5);
    const held = holdCoupon('held', 500);
    await sleep(100);
    const { status, body } = await change('held', { amount: 9 });
    expect([status, body.remaining_amount, body.amount]).toEqual([200, 8, 9]);
    await held;
    expect(await eventsOf('held')).toMatchObject([{ number: 1, after_sequence: 1 }]);
  });

  test('is decided again where that has taken the units', async () => {
    await createCoupon(url, 'taken', 2);
    const held = holdCoupon('taken', 500, 2);
    await sleep(100);
    expectProblem(await change('taken', { amount: 1 }), 'amount_below_claimed', '2 units are claimed');
    await held;
    expect(await read('taken')).toMatchObject({ amount: 2, remaining_amount: 0, version: 1 });
  });

  test('is given up after two seconds, and nothing is changed', async () => {
    await createCoupon(url, 'locked', 5);
    const held = holdCoupon('locked', 3_000);
    await sleep(100);
    const started = performance.now();
    const reply = await change('locked', { paused: true });
    expect(performance.now() - started).toBeLessThan(2_700);
    expectProblem(reply, 'unavailable', 'Nothing was done');
    expect(reply.body.done).toBe('nothing');
    await held;
    expect(await read('locked')).toMatchObject({ version: 1, state: 'open' });
    expect(await eventsOf('locked')).toEqual([]);
  });

  test('is made within a second while claims are committed all the time', async () => {
    await createCoupon(url, 'hot', 1_000_000);
    let isOver = false;
    const claims = (async () => {
      while (!isOver) await holdCoupon('hot', 10).catch((error) => expect(isTransient(error)).toBe(true));
    })();
    for (let amount = 1_000_001; amount <= 1_000_050; amount++) {
      const started = performance.now();
      expect((await change('hot', { amount })).status).toBe(200);
      expect(performance.now() - started).toBeLessThan(1_500);
    }
    isOver = true;
    await claims;
    const stored = await system.stores.mongo.coupons.findOne({ name: 'hot' });
    expect(stored?.remaining_amount).toBe(1_000_050 - (stored?.issued ?? 0));
  });
});

describe('a change that is not valid changes nothing', () => {
  const T9 = '2030-01-01T09:00:00Z';
  const T10 = '2030-01-01T10:00:00Z';
  beforeAll(async () => {
    await couponWith('valid', 5, 3);
    await change('valid', { starts_at: T9, ends_at: T10 });
  });

  const times = [
    '2030-01-01T09:00:00',
    '2030-01-01',
    '2030-02-29T00:00:00Z',
    '2030-01-01T24:00:00Z',
    '2030-01-01 09:00:00Z',
    '2030-01-01T09:00:00+01',
    '',
    'now',
  ];
  test.each<[unknown, string, string | RegExp]>([
    [{}, '#', 'the body must have at least one of the fields that can be changed.'],
    [{ version: 2 }, '#', 'the body must have at least one of the fields'],
    [[], '#', 'the body must be of type object.'],
    [null, '#', 'the body must be of type object.'],
    ['{"amount":', '#', 'not valid JSON'],
    [{ amount: 6, name: 'other' }, '#/name', 'name is not an allowed field.'],
    [{ amount: 6, remaining_amount: 6 }, '#/remaining_amount', 'not an allowed field'],
    [{ amount: 6, start_at: T9 }, '#/start_at', 'not an allowed field'],
    [{ amount: 6, $set: {} }, '#/$set', 'not an allowed field'],
    ...[0, -1, 1.5, '6', null, 2 ** 31].map((amount): [unknown, string, RegExp] => [
      { amount },
      '#/amount',
      /^amount must be /,
    ]),
    ...[0, 1.5, '2', null, true].map((version): [unknown, string, RegExp] => [
      { amount: 6, version },
      '#/version',
      /^version must be /,
    ]),
    ...[null, 0, 'true', {}].map((paused): [unknown, string, RegExp] => [
      { paused },
      '#/paused',
      /^paused must be of type boolean/,
    ]),
    ...times.map((time): [unknown, string, RegExp] => [
      { starts_at: time },
      '#/starts_at',
      /^starts_at must be a time of RFC 3339/,
    ]),
    ...times.map((time): [unknown, string, RegExp] => [
      { ends_at: time, amount: 6 },
      '#/ends_at',
      /^ends_at must be a time of RFC 3339/,
    ]),
    [{ ends_at: 1_893_488_400 }, '#/ends_at', 'ends_at must be of type string or null.'],
    [{ ends_at: T9, amount: 6 }, '#/ends_at', 'ends_at must be later than starts_at.'],
    [{ starts_at: '2030-01-01T11:00:00+01:00', amount: 6 }, '#/starts_at', 'starts_at must be earlier than ends_at.'],
    [{ starts_at: T10, ends_at: T10, version: 99 }, '#/ends_at', 'ends_at must be later than starts_at.'],
  ])('%j', async (body, pointer, detail) => {
    const before = await storedOf('valid');
    const reply = await change('valid', body);
    expectProblem(reply, 'invalid_request', detail);
    expect(reply.body.errors).toMatchObject([{ pointer }]);
    expect(await storedOf('valid')).toEqual(before);
  });

  test.each<[object, string, string | RegExp]>([
    [{ name: 'bad', amount: 1, starts_at: T10, ends_at: T9 }, '#/ends_at', 'ends_at must be later than starts_at.'],
    [{ name: 'bad', amount: 1, ends_at: 'noon' }, '#/ends_at', 'must be a time of RFC 3339'],
    [{ name: 'bad', amount: 1, paused: null }, '#/paused', 'paused must be of type boolean.'],
    [{ name: 'bad', amount: 1, version: 1 }, '#/version', 'version is not an allowed field.'],
  ])('no coupon is created by %j', async (body, pointer, detail) => {
    const reply = await create(body);
    expectProblem(reply, 'invalid_request', detail);
    expect(reply.body.errors).toMatchObject([{ pointer }]);
    expect((await call(addressOf('bad'), 'GET')).status).toBe(404);
  });

  test('every fault is listed', async () => {
    const { body } = await change('valid', { amount: 0, starts_at: 'x', paused: 1, version: 'y', colour: 'red' });
    const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(['#/amount', '#/colour', '#/paused', '#/starts_at', '#/version']);
  });

  test('a page of another origin is refused while admin calls are open', async () => {
    const before = await storedOf('valid');
    const headers = { 'content-type': 'application/json', origin: 'https://shop.example' };
    expectProblem(await call(addressOf('valid'), 'PATCH', { paused: true }, headers), 'host_not_allowed');
    expect(await storedOf('valid')).toEqual(before);
  });
});
