import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createCoupon, type Reply } from '../support/call-api.ts';
import { couponApiForFile } from '../support/coupon-api.ts';
import { expectProblem } from '../support/expect-problem.ts';

const api = couponApiForFile();
const later = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

describe('a new coupon', () => {
  test('has its settings, and times of the database in UTC', async () => {
    const times = { starts_at: '2026-11-27T10:00:00.5+01:00', ends_at: '9999-12-31T23:59:59.999999Z' };
    const { status, body } = await api.create({ name: '$set', amount: 2_147_483_647, ...times, paused: true });
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
    expect(await api.read('$set')).toEqual(body);
    const int = { $type: 'int' } as never;
    const { coupons } = api.mongo;
    expect(await coupons.countDocuments({ name: '$set', amount: int, remaining_amount: int })).toBe(1);
  });

  test('has no settings where they are null or false', async () => {
    const { body } = await api.create({ name: 'plain', amount: 1, starts_at: null, ends_at: null, paused: false });
    expect(body).toMatchObject({ version: 1, state: 'open' });
    for (const field of ['starts_at', 'ends_at', 'paused']) expect(body).not.toHaveProperty(field);
    const stored = await api.mongo.coupons.findOne({ name: 'plain' });
    for (const field of ['starts_at', 'ends_at', 'paused']) expect(stored).not.toHaveProperty(field);
  });
});

describe('the state of a coupon', () => {
  test('follows database time, without any change', async () => {
    let seen: string[] = [];
    // Where the machine is too slow to see each state, the next sale is longer.
    for (let seconds = 1; seconds < 30 && seen.length < 3; seconds *= 3) {
      seen = [];
      const name = `noon ${seconds}`;
      await api.create({ name, amount: 1, starts_at: later(seconds), ends_at: later(2 * seconds) });
      while (seen.at(-1) !== 'ended') {
        const { state, version } = await api.read(name);
        expect(version).toBe(1);
        if (state !== seen.at(-1)) seen.push(state);
        await sleep(20);
      }
    }
    expect(seen).toEqual(['scheduled', 'open', 'ended']);
  });

  test('is sold_out without units, and open once units are added', async () => {
    await api.createWith('stock', 2, 2);
    expect((await api.read('stock')).state).toBe('sold_out');
    expect((await api.change('stock', { amount: 3 })).body).toMatchObject({
      amount: 3,
      remaining_amount: 1,
      claimed_count: 2,
      state: 'open',
    });
  });
});

describe('a change', () => {
  test('changes what it names, and is written as an event', async () => {
    await api.createWith('changed', 5, 3);
    const { claimed_by, ...before } = await api.read('changed');
    const { status, body, headers } = await api.change('changed', {
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
    expect(headers.get('etag')).toMatch(/^W\//);
    expect(await api.read('changed')).toEqual({ ...body, claimed_by });

    expect((await api.change('changed', { ends_at: null, paused: true })).body).toMatchObject({
      state: 'paused',
      version: 3,
    });
    expect((await api.change('changed', { paused: false })).body).not.toHaveProperty('paused');
    expect((await api.stored('changed')).events).toMatchObject([
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
    await api.createWith('same', 5, 1);
    await api.change('same', { starts_at: '2020-01-01T00:00:00Z' });
    const before = await api.mongo.coupons.findOne({ name: 'same' });
    const { status, body } = await api.change('same', {
      amount: 5,
      starts_at: '2020-01-01T01:00:00+01:00',
      paused: false,
    });
    expect([status, body.version]).toEqual([200, 2]);
    expect(await api.mongo.coupons.findOne({ name: 'same' })).toEqual(before);
    expect((await api.stored('same')).events).toHaveLength(1);
  });

  test('of a version is made once: of two at the same time, one is refused', async () => {
    await createCoupon(api.url, 'lost', 10);
    const replies = await api.changeAll(
      'lost',
      [11, 12].map((amount) => ({ amount, version: 1 })),
    );
    const [made, refused] = replies.sort((one, other) => one.status - other.status) as [Reply, Reply];
    expect(made.status).toBe(200);
    expectProblem(refused, 'version_conflict', 'The coupon has version 2.');
    expect(await api.read('lost')).toMatchObject({ amount: made.body.amount, version: 2 });
  });

  test('without a version is made after the others', async () => {
    await createCoupon(api.url, 'many', 1);
    const amounts = Array.from({ length: 20 }, (_, index) => index + 2);
    const replies = await api.changeAll(
      'many',
      amounts.map((amount) => ({ amount })),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    const { amount, remaining_amount, version } = await api.read('many');
    expect([remaining_amount, version]).toEqual([amount, 21]);
    const events = (await api.stored('many')).events;
    expect(events.map(({ number }) => number)).toEqual(amounts.map((_, index) => index + 1));
    expect(events.at(-1)?.data).toEqual({ amount });
  });

  test('of the amount never goes below the claimed units', async () => {
    await api.createWith('sold', 5, 3);
    const before = await api.read('sold');
    expectProblem(await api.change('sold', { amount: 2, paused: true }), 'amount_below_claimed', '3 units are claimed');
    expect(await api.read('sold')).toEqual(before);
    expect((await api.change('sold', { amount: 3 })).body).toMatchObject({ remaining_amount: 0, state: 'sold_out' });
    expect((await api.change('sold', { amount: 2_147_483_647 })).body).toMatchObject({
      remaining_amount: 2_147_483_644,
    });
  });

  test('finds a name in any spelling, and none that does not exist', async () => {
    await createCoupon(api.url, 'cafe\u0301', 1);
    expect((await api.change('cafe\u0301', { amount: 2 })).body).toMatchObject({ name: 'caf\u00e9', amount: 2 });
    expectProblem(await api.change('nobody', { amount: 2 }), 'coupon_not_found');
  });
});
