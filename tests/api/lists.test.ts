import type { ClaimStatus } from '@flashclaim/core';
import { ObjectId } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, type Reply } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { releaseUnit } from '../support/grant-units.ts';
import { insertClaims, insertCoupon } from '../support/insert-sale.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
});
afterAll(() => system?.close());

const mongo = () => system.stores.mongo;
const get = (path: string): Promise<Reply> => call(`${system.urls[0]}${path}`, 'GET');
const couponsPath = (q: string) => `/api/coupons?q=${encodeURIComponent(q)}`;
const claimsPath = (name: string) => `/api/coupons/${encodeURIComponent(name)}/claims`;
const userPath = (user: string) => `/api/users/${encodeURIComponent(user)}/claims`;
const withQuery = (path: string, query: string) => `${path}${path.includes('?') ? '&' : '?'}${query}`;

/** All entries of a list, read page by page. `between` runs after each page. */
const readAll = async <T>(path: string, limit: number, between: () => Promise<unknown> = async () => {}) => {
  const pages: T[][] = [];
  for (let after = ''; ; ) {
    const { status, body } = await get(withQuery(path, `limit=${limit}${after}`));
    expect(status).toBe(200);
    pages.push(body.data);
    if (body.next === null) return pages;
    after = `&after=${body.next}`;
    await between();
  }
};

/** The plans of the reads of a call, and how many documents they examined. */
const plansOf = async (call: () => Promise<unknown>) => {
  const { db } = mongo();
  await db.command({ profile: 2 });
  await call();
  await db.command({ profile: 0 });
  const reads = await db
    .collection('system.profile')
    .find({ appName: 'flashclaim-api', planSummary: { $exists: true } })
    .toArray();
  await db.dropCollection('system.profile');
  return reads.map(({ planSummary, docsExamined, hasSortStage }) => ({ planSummary, docsExamined, hasSortStage }));
};

describe('coupons', () => {
  const prefix = 'shop/';
  // U+FF5E is before the emoji by code points, and after it in UTF-16.
  const names = ['!', '.*', 'Z', 'a', 'a b', 'ab', 'b', 'é', '\u{ff5e}', '🎟', '\u{10fffd}'].map(
    (name) => prefix + name,
  );
  beforeAll(async () => {
    for (const name of [...names, 'shop', 'shop0', '\u{10fffd}x']) await insertCoupon(mongo(), name);
  });
  const namesOf = async (q: string): Promise<string[]> =>
    (await get(couponsPath(q))).body.data.map(({ name }: { name: string }) => name);

  test('are listed by the code points of their names', async () => {
    expect(await namesOf(prefix)).toEqual(names);
  });

  test.each([
    ['one letter', 'shop/a', ['shop/a', 'shop/a b', 'shop/ab']],
    ['a blank at its end', 'shop/a ', ['shop/a b']],
    ['a regular expression', 'shop/.*', ['shop/.*']],
    ['two code points for one', 'shop/e\u0301', ['shop/é']],
    ['the last character that there is', '\u{10fffd}', ['\u{10fffd}x']],
    ['no coupon', 'shop/none', []],
  ])('are found by a prefix with %s', async (_, q, found) => {
    expect(await namesOf(q)).toEqual(found);
  });

  test('are listed as they are read, without their users', async () => {
    const { claimed_by, ...coupon } = (await get('/api/coupons/shop')).body;
    expect(claimed_by).toEqual([]);
    expect((await get(withQuery(couponsPath('shop'), 'limit=1'))).body.data).toEqual([coupon]);
  });

  test('are listed page by page, also without a prefix', async () => {
    const pages = await readAll<{ name: string }>(couponsPath(prefix), 3);
    expect(pages.map(({ length }) => length)).toEqual([3, 3, 3, 2]);
    expect(pages.flat().map(({ name }) => name)).toEqual(names);
    const all = await readAll<{ name: string }>('/api/coupons', 4);
    expect(all.flat()).toHaveLength(names.length + 3);
  });

  test('are read by a range of the index', async () => {
    expect(await plansOf(() => get(withQuery(couponsPath('shop/a'), 'limit=2')))).toEqual([
      { planSummary: 'IXSCAN { name: 1 }', docsExamined: 3 },
    ]);
  });
});

describe('claims of a coupon', () => {
  const endedAt = new Date('2026-11-27T10:00:00.000Z');
  beforeAll(async () => {
    const coupon = await insertCoupon(mongo(), 'sale');
    await insertClaims(mongo(), coupon, [1, 10], (sequence) => (sequence % 4 === 0 ? { ended_at: endedAt } : {}));
    await insertClaims(mongo(), await insertCoupon(mongo(), 'other sale'), [1, 3]);
  });
  const sequences = (claims: readonly ClaimStatus[]) => claims.map(({ sequence }) => sequence);

  test('are listed by sequence, live and released, each as its status says', async () => {
    const { body } = await get(claimsPath('sale'));
    expect(body.next).toBeNull();
    expect(sequences(body.data)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const names = { claim_id: expect.any(String), coupon_name: 'sale' };
    expect(body.data.slice(2, 4)).toEqual([
      {
        message: 'coupon claimed successfully',
        ...names,
        status: 'claimed',
        code: 'claimed',
        user_id: 'user-3',
        sequence: 3,
        claimed_at: '2026-11-27T09:00:00.003Z',
      },
      {
        ...names,
        status: 'released',
        code: 'released',
        user_id: 'user-4',
        sequence: 4,
        claimed_at: '2026-11-27T09:00:00.004Z',
        ended_at: endedAt.toISOString(),
      },
    ]);
  });

  test.each([
    ['claimed', [1, 2, 3, 5, 6, 7, 9, 10]],
    ['released', [4, 8]],
  ])('are listed by status: %s', async (status, expected) => {
    for (const limit of [1, 2, 8, 1_000])
      expect(sequences((await readAll<ClaimStatus>(`${claimsPath('sale')}?status=${status}`, limit)).flat())).toEqual(
        expected,
      );
  });

  test('are read by a range of the index', async () => {
    expect(await plansOf(() => get(`${claimsPath('sale')}?limit=2`))).toContainEqual({
      planSummary: 'IXSCAN { coupon_id: 1, sequence: 1 }',
      docsExamined: 3,
    });
  });

  test('with a rare status are found in bounded reads: a page may be empty although there is a next one', async () => {
    const coupon = await insertCoupon(mongo(), 'rare');
    await insertClaims(mongo(), coupon, [1, 20_001], (sequence) => (sequence === 20_001 ? { ended_at: endedAt } : {}));
    const path = `${claimsPath('rare')}?status=released`;
    const pages = await readAll<ClaimStatus>(path, 10);
    expect(pages.map(sequences)).toEqual([[], [], [20_001]]);
    for (const { docsExamined } of await plansOf(() => get(path))) expect(docsExamined).toBeLessThanOrEqual(10_000);
  });

  test('that are live are few after many releases: the coupon is read in bounded time, and Link leads on to them', async () => {
    const coupon = await insertCoupon(mongo(), 'released');
    await insertClaims(mongo(), coupon, [1, 15_000], (sequence) =>
      sequence === 3 || sequence === 15_000 ? {} : { ended_at: endedAt },
    );
    const path = '/api/coupons/released';
    const { headers, body } = await get(path);
    expect(body).toMatchObject({ claimed_count: 2, claimed_by: ['user-3'] });
    const next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] as string;
    expect(sequences((await get(next)).body.data)).toEqual([15_000]);
    for (const { docsExamined } of await plansOf(() => get(path))) expect(docsExamined).toBeLessThanOrEqual(10_001);
    expect((await get(`${path}?limit=1`)).headers.get('link')).toContain('rel="next"');
  });

  test('that exist all the time are listed once, while others come and are released', async () => {
    const coupon = await insertCoupon(mongo(), 'busy');
    const claims = await insertClaims(mongo(), coupon, [1, 60]);
    let last = 60;
    const between = async () => {
      await insertClaims(mongo(), coupon, [last + 1, last + 3]);
      last += 3;
      for (const { _id } of claims.splice(Math.floor(claims.length / 2), 2))
        await releaseUnit(mongo(), { _id }, endedAt);
    };
    const all = sequences((await readAll<ClaimStatus>(claimsPath('busy'), 7, between)).flat());
    expect(all.slice(0, 60)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(new Set(all).size).toBe(all.length);
    expect(last).toBeGreaterThan(60);
    const before = claims.length;
    const live = sequences((await readAll<ClaimStatus>(`${claimsPath('busy')}?status=claimed`, 7, between)).flat());
    for (const { sequence } of claims) expect(live.filter((one) => one === sequence)).toEqual([sequence]);
    expect(claims.length).toBeLessThan(before);
  });
});

describe('claims of a user', () => {
  const user = 'zoë';
  const endedAt = (ms: number) => ({ user_id: user, ended_at: new Date(Date.UTC(2026, 10, 28) + ms) });
  const couponNames: string[] = [];
  beforeAll(async () => {
    for (let i = 0; i < 4; i++) {
      const coupon = await insertCoupon(mongo(), `of the user ${i}`);
      couponNames.push(coupon.name);
      // Three released claims of each coupon, which end at two times, and a live one.
      const changes = [endedAt(-i), endedAt(0), { ...endedAt(0), _id: `${9 - i}` }, { user_id: user }, {}];
      await insertClaims(mongo(), coupon, [1, 5], (sequence) => changes[sequence - 1] ?? {});
    }
  });

  test('are listed live first, by coupon, then by their end', async () => {
    const expected = (await readAll<ClaimStatus>(userPath(user), 1_000)).flat();
    expect(expected).toHaveLength(16);
    expect(expected.slice(0, 4).map(({ status, coupon_name }) => [status, coupon_name])).toEqual(
      couponNames.map((name) => ['claimed', name]),
    );
    const ended = expected.slice(4).map(({ ended_at, claim_id }) => `${ended_at} ${claim_id}`);
    expect(ended).toEqual(ended.toSorted());
    for (const limit of [1, 2, 3, 4, 5, 7, 15, 16]) {
      const pages = await readAll<ClaimStatus>(userPath('zoe\u0308'), limit);
      expect(pages.flat()).toEqual(expected);
      expect(pages).toHaveLength(Math.ceil(16 / limit));
    }
  });

  test('of a user without claims are none', async () => {
    expect((await get(userPath('nobody'))).body).toEqual({ data: [], next: null });
  });

  test('are read by the two indexes of a user', async () => {
    const plans = await plansOf(() => get(`${userPath(user)}?limit=1000`));
    expect(plans).toEqual([
      { planSummary: 'IXSCAN { user_id: 1, coupon_id: 1 }', docsExamined: 4 },
      { planSummary: 'IXSCAN { user_id: 1, ended_at: 1 }', docsExamined: 12, hasSortStage: true },
    ]);
    const { next } = (await get(`${userPath(user)}?limit=6`)).body;
    const [later] = await plansOf(() => get(`${userPath(user)}?limit=6&after=${next}`));
    expect(later?.planSummary).toBe('IXSCAN { user_id: 1, ended_at: 1 }');
  });

  test('that exist all the time are listed, while others come and are released', async () => {
    const claims: Awaited<ReturnType<typeof insertClaims>> = [];
    for (let i = 0; i < 12; i++) {
      const coupon = await insertCoupon(mongo(), `of a busy user ${i}`);
      claims.push(...(await insertClaims(mongo(), coupon, [1, 1], () => ({ user_id: 'busy' }))));
    }
    const ids = claims.map(({ _id }) => _id);
    let releasedAt = Date.UTC(2026, 10, 28);
    const released = new Set<string>();
    // The last one that is live, before the list has come to it; then the first one, after it was listed.
    const between = async () => {
      const claim = released.size % 2 === 0 ? claims.pop() : claims.shift();
      if (!claim || claims.length < 4) return;
      released.add(claim._id);
      await releaseUnit(mongo(), { _id: claim._id }, new Date(++releasedAt));
    };
    const listed = (await readAll<ClaimStatus>(userPath('busy'), 2, between)).flat();
    expect(released.size).toBeGreaterThan(2);
    expect([...new Set(listed.map(({ claim_id }) => claim_id))].sort()).toEqual(ids.sort());
    const unchanged = listed.filter(({ claim_id }) => !released.has(claim_id));
    expect(new Set(unchanged.map(({ claim_id }) => claim_id)).size).toBe(unchanged.length);
  });

  test('have cursors without the user id', async () => {
    for (const limit of [1, 6]) {
      const { next } = (await get(`${userPath(user)}?limit=${limit}`)).body;
      expect(Buffer.from(next, 'base64url').toString()).not.toContain(user);
    }
  });
});

describe('bad input', () => {
  const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
  let ids: Record<'one' | 'two', string>;
  let scope: string;
  beforeAll(async () => {
    const [one, two] = [await insertCoupon(mongo(), 'bad one'), await insertCoupon(mongo(), 'bad two')];
    for (const coupon of [one, two])
      await insertClaims(mongo(), coupon, [1, 2], (sequence) => ({ user_id: `bad-${sequence}` }));
    ids = { one: one._id.toHexString(), two: two._id.toHexString() };
    const { next } = (await get(`${userPath('bad-1')}?limit=1`)).body;
    scope = JSON.parse(Buffer.from(next, 'base64url').toString())[1];
  });
  const lists = { coupons: couponsPath('bad'), claims: claimsPath('bad one'), user: userPath('bad-1') };
  const nextOf = async (path: string): Promise<string> => (await get(withQuery(path, 'limit=1'))).body.next;
  const refuses = async (path: string, parameter: string, detail: string | RegExp) => {
    const reply = await get(path);
    expectProblem(reply, 'invalid_request', detail);
    expect(reply.body.errors).toContainEqual({ parameter, detail: reply.body.detail });
    for (const error of reply.body.errors) expect(error.parameter).toBe(parameter);
  };

  describe.each(Object.entries(lists))('to the list: %s', (list, path) => {
    test.each(['0', '-1', '1001', '1.5', 'ten', '', '0x10', '1e2', '99999999999999999999', '1&limit=2'])(
      'limit is %s',
      (limit) => refuses(withQuery(path, `limit=${limit}`), 'limit', /^limit must be /),
    );

    test.each([
      ['empty', ''],
      ['too long', 'x'.repeat(4_097)],
      ['there twice', '1&after=2'],
    ])('after is %s', (_, after) => refuses(withQuery(path, `after=${after}`), 'after', /^after must /));

    test.each(['x', '!', 'null', cursor(), cursor(1), cursor(list), cursor(list, ''), 'e30', 'W10'])(
      'a cursor that is malformed: %s',
      (after) => refuses(withQuery(path, `after=${after}`), 'after', 'a cursor from an earlier page'),
    );

    test('a cursor with another character at its end', async () => {
      const next = await nextOf(path);
      expect((await get(withQuery(path, `after=${next}`))).status).toBe(200);
      for (const after of [`${next}=`, `${next}%20`, next.slice(0, -1)])
        await refuses(withQuery(path, `after=${after}`), 'after', 'a cursor from an earlier page');
    });

    test('a cursor of another list', async () => {
      for (const other of Object.values(lists).filter((one) => one !== path))
        await refuses(withQuery(path, `after=${await nextOf(other)}`), 'after', 'a cursor from an earlier page');
    });

    test('a field that is not known changes nothing, as in other reads', async () => {
      expect((await get(withQuery(path, 'colour=red'))).body).toEqual((await get(path)).body);
    });
  });

  test('a cursor of another coupon, user or prefix', async () => {
    const pairs = [
      [claimsPath('bad two'), lists.claims],
      [userPath('bad-2'), lists.user],
      [couponsPath('ba'), lists.coupons],
      ['/api/coupons', lists.coupons],
    ] as const;
    for (const [path, other] of pairs)
      await refuses(withQuery(path, `after=${await nextOf(other)}`), 'after', 'a cursor from an earlier page');
  });

  test('a cursor whose position has wrong types', async () => {
    const positions = {
      coupons: [[], [1], ['bad one', 'bad two']],
      claims: [[], ['1'], [-1], [1.5], [2 ** 60], [1, 2]],
      user: [
        [],
        ['live'],
        ['live', 1],
        ['live', 'x'],
        ['live', 'x'.repeat(24)],
        ['live', new ObjectId().toHexString(), 1],
        ['ended', '2026-11-27', 'id'],
        ['ended', 1e20, 'id'],
        ['ended', 0.5, 'id'],
        ['ended', 1, 2],
        ['ended', 1],
        ['held', 1, 'id'],
      ],
    };
    const scopes = { coupons: 'bad', claims: ids.one, user: scope };
    for (const list of ['coupons', 'claims', 'user'] as const)
      for (const position of positions[list]) {
        const after = cursor(list, scopes[list], ...position);
        await refuses(withQuery(lists[list], `after=${after}`), 'after', 'a cursor from an earlier page');
      }
    for (const rest of [null, {}, ['x'], true])
      await refuses(
        withQuery(lists.claims, `after=${cursor('claims', ids.one, rest)}`),
        'after',
        'a cursor from an earlier page',
      );
  });

  test('a cursor whose position does not exist leads to what comes after it', async () => {
    const handmade: [string, string][] = [
      [lists.coupons, cursor('coupons', 'bad', 'bad p')],
      [lists.claims, cursor('claims', ids.one, Number.MAX_SAFE_INTEGER)],
      [lists.user, cursor('user', scope, 'ended', -8.64e15, '\u0000')],
    ];
    for (const [path, after] of handmade) expect((await get(withQuery(path, `after=${after}`))).status).toBe(200);
  });

  test.each(['held', 'Claimed', '', 'claimed&status=released'])('status is %s', (status) =>
    refuses(`${claimsPath('bad one')}?status=${status}`, 'status', /^status must be /),
  );

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['too long, in characters of two units', '🎟'.repeat(256)],
    ['a text with a blank at its start', ' x'],
    ['a control character', '%00'],
    ['a bidi control', '%E2%80%AE'],
    ['there twice', 'a&q=b'],
  ])('q is %s', (_, q) => refuses(`/api/coupons?q=${q}`, 'q', /^q must be /));

  test('q may have 255 characters, before and after normalisation', async () => {
    for (const q of ['x'.repeat(255), '🎟'.repeat(255), 'e\u0301'.repeat(255)])
      expect((await get(couponsPath(q))).body).toEqual({ data: [], next: null });
  });

  test('a coupon that does not exist, whatever the cursor', async () => {
    expectProblem(await get(claimsPath('none')), 'coupon_not_found');
    expectProblem(await get(`${claimsPath('none')}?after=x`), 'coupon_not_found');
  });

  test('a name or a user that is not valid', async () => {
    await refuses(claimsPath('x'.repeat(256)), 'name', /^name must be 1 to 255/);
    await refuses(userPath(' x'), 'user_id', /^user_id must be 1 to 255/);
  });
});
