import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beginExport, LONG_EXPORT, longUser } from '../support/begin-export.ts';
import { call } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { insertClaims, insertCoupon } from '../support/insert-sale.ts';
import { runCommand } from '../support/run-command.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
});
afterAll(() => system?.close());

const LINES = 'application/x-ndjson';
const CSV = 'text/csv';
const ENDED_AT = new Date('2026-11-27T10:00:00.000Z');

const mongo = () => system.stores.mongo;
const pathOf = (name: string) => `/api/coupons/${encodeURIComponent(name)}/claims`;

const begin = (name: string, accept = LINES) => beginExport(`${system.urls[0]}${pathOf(name)}`, accept);
const request = (path: string, accept: string, method = 'GET') =>
  fetch(`${system.urls[0]}${path}`, { method, headers: { accept } });
const exportOf = async (name: string, accept: string, query = '') =>
  (await request(`${pathOf(name)}${query}`, accept)).text();

describe('an export', () => {
  beforeAll(async () => {
    const users = [
      'plain',
      '=1+1',
      '+1',
      '-1',
      '@x',
      '1=1',
      'a,b',
      'a "b"',
      '="a,b"',
      '＝1',
      "'=1",
      'a;=1',
      'a\u2028b',
    ];
    const coupon = await insertCoupon(mongo(), '=sale, "one"');
    await insertClaims(mongo(), coupon, [1, users.length], (sequence) => ({
      _id: `id-${sequence}`,
      user_id: users[sequence - 1] as string,
      ...(sequence === 2 && { ended_at: ENDED_AT }),
    }));
  });

  test('as NDJSON has the entries of the list, and their count at its end', async () => {
    const { data } = (await call(`${system.urls[0]}${pathOf('=sale, "one"')}`, 'GET')).body;
    const exported = await exportOf('=sale, "one"', LINES);
    expect(exported.endsWith('\n')).toBe(true);
    // Some readers end a line here.
    expect(exported).not.toMatch(/[\u2028\u2029]/);
    expect(
      exported
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([...data, { count: 13 }]);
  });

  test('as CSV has a header, quoted cells without formulas, and the count', async () => {
    const rows = [
      ['plain', 'claimed', 1],
      ["'=1+1", 'released', 2],
      ["'+1", 'claimed', 3],
      ["'-1", 'claimed', 4],
      ["'@x", 'claimed', 5],
      ['1=1', 'claimed', 6],
      ['"a,b"', 'claimed', 7],
      ['"a ""b"""', 'claimed', 8],
      [`"'=""a,b"""`, 'claimed', 9],
      ["'＝1", 'claimed', 10],
      ["''=1", 'claimed', 11],
      ['a;=1', 'claimed', 12],
      ['a\u2028b', 'claimed', 13],
    ] as const;
    expect((await exportOf('=sale, "one"', CSV)).split('\r\n')).toEqual([
      'sequence,claim_id,user_id,coupon_name,status,claimed_at,ended_at',
      ...rows.map(([user, status, sequence]) => {
        const claimedAt = new Date(Date.UTC(2026, 10, 27, 9) + sequence).toISOString();
        const endedAt = status === 'released' ? ENDED_AT.toISOString() : '';
        return `${sequence},id-${sequence},${user},"'=sale, ""one""",${status},${claimedAt},${endedAt}`;
      }),
      '#count,13',
      '',
    ]);
  });

  test.each([
    ['released', '#count,1'],
    ['claimed', '#count,12'],
  ])('has the claims of a status: %s', async (status, end) => {
    const lines = (await exportOf('=sale, "one"', CSV, `?status=${status}`)).trimEnd().split('\r\n');
    expect(lines.at(-1)).toBe(end);
    for (const line of lines.slice(1, -1)) expect(line).toContain(`,${status},`);
  });

  test('of a coupon without claims has a count', async () => {
    await insertCoupon(mongo(), 'unsold');
    expect(await exportOf('unsold', LINES)).toBe('{"count":0}\n');
    expect((await exportOf('unsold', CSV)).split('\r\n').slice(1)).toEqual(['#count,0', '']);
  });

  test.each([LINES, CSV])('is %s, depends on Accept, and is not stored', async (accept) => {
    for (const method of ['GET', 'HEAD']) {
      const response = await request(pathOf('unsold'), accept, method);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, `${accept}; charset=utf-8`]);
      expect(response.headers.get('vary')).toBe('Accept');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect((await response.text()) === '').toBe(method === 'HEAD');
    }
  });

  test.each(['limit=5', 'after=x', 'limit=5&after=x'])('is the whole list: %s is refused', async (query) => {
    const reply = await call(`${system.urls[0]}${pathOf('unsold')}?${query}`, 'GET', undefined, { accept: CSV });
    expectProblem(reply, 'invalid_request', 'an export is the whole list');
    expect(reply.body.errors.map(({ parameter }: { parameter: string }) => parameter)).toEqual([
      ...new URLSearchParams(query).keys(),
    ]);
  });

  test('of a coupon that does not exist is a problem', async () => {
    expectProblem(
      await call(`${system.urls[0]}${pathOf('none')}`, 'GET', undefined, { accept: CSV }),
      'coupon_not_found',
    );
  });
});

describe('a long export', () => {
  beforeAll(async () => {
    const coupon = await insertCoupon(mongo(), 'long');
    await insertClaims(mongo(), coupon, [1, LONG_EXPORT], (sequence) => ({ user_id: longUser(sequence) }));
  });

  test('has every claim once, by sequence', async () => {
    const lines = (await exportOf('long', LINES)).trimEnd().split('\n');
    expect(lines.pop()).toBe(`{"count":${LONG_EXPORT}}`);
    const sequences = lines.map((line) => JSON.parse(line).sequence);
    expect(sequences).toEqual(Array.from({ length: LONG_EXPORT }, (_, index) => index + 1));
  });

  test('is one of two at most; others are answered overloaded until one has ended', async () => {
    const [first, second] = [await begin('long'), await begin('long', CSV)];
    expectProblem(
      await call(`${system.urls[0]}${pathOf('long')}`, 'GET', undefined, { accept: CSV }),
      'overloaded',
      'runs 2 exports',
    );
    expect((await request(pathOf('long'), LINES, 'HEAD')).status).toBe(200);
    expect((await request(pathOf('long'), 'application/json')).status).toBe(200);
    first.destroy();
    await expect.poll(async () => (await request(pathOf('unsold'), LINES)).status).toBe(200);
    expect((await text(second)).endsWith(`#count,${LONG_EXPORT}\r\n`)).toBe(true);
  });

  test('that meets a fault ends without its count, and the connection ends, too', async () => {
    const coupon = await insertCoupon(mongo(), 'broken');
    await insertClaims(mongo(), coupon, [1, 12_000]);
    await mongo().claims.updateOne(
      { coupon_id: coupon._id, sequence: 11_000 },
      { $set: { claimed_at: 'yesterday' as never } },
      { bypassDocumentValidation: true },
    );
    for (const accept of [LINES, CSV]) {
      let received = '';
      const response = (await begin('broken', accept)).on('data', (chunk) => {
        received += chunk;
      });
      await expect(once(response, 'end')).rejects.toThrow('aborted');
      expect(received).toContain('user-10000');
      expect(received).not.toContain('count');
    }
  });

  test('ends when its process stops', async () => {
    const url = await system.addApi();
    const response = await beginExport(url + pathOf('long'));
    const stopped = system.apis.at(-1)?.stop();
    await expect(text(response)).rejects.toThrow('aborted');
    expect((await stopped)?.code).toBe(0);
  });

  // The last test, because it removes the coupon.
  test('that meets a purge ends without its count', async () => {
    await mongo().coupons.updateOne({ name: 'long' }, { $set: { paused: true } });
    const response = await begin('long');
    const options = ['--coupon', 'long', '--yes'];
    const purge = await runCommand('packages/maintenance/src/purge.ts', system.stores.env, options);
    expect(purge).toMatchObject({ code: 0, last: expect.stringContaining('30,000') });
    await expect(once(response.resume(), 'end')).rejects.toThrow('aborted');
  });
});
