import { beforeAll, describe, expect, test } from 'vitest';
import { claim, createCoupon } from '../support/call-api.ts';
import { exchange, rawRequest } from '../support/raw-connection.ts';
import { systemForFile } from '../support/system-for-file.ts';

const target = systemForFile();
let etag: string;
beforeAll(async () => {
  await createCoupon(target.url, 'tagged', 2);
  etag = (await read()).headers.get('etag') as string;
});

/** Over a connection of its own: fetch adds headers for caches to such a request. */
const read = (ifNoneMatch?: string, method = 'GET', path = '/api/coupons/tagged') =>
  exchange(
    target.url,
    rawRequest(`${method} ${path} HTTP/1.1`, ...(ifNoneMatch === undefined ? [] : [`If-None-Match: ${ifNoneMatch}`])),
  );

describe('a coupon that has not changed', () => {
  const strong = () => etag.replace('W/', '');
  const rows: [string, () => string][] = [
    ['its tag', () => etag],
    ['its tag as a strong one', strong],
    ['any', () => '*'],
    ['any, with blanks', () => ' * '],
    ['a list with its tag', () => `"a", ${etag}, W/"b"`],
    ['a list without blanks', () => `"a",${strong()}`],
    ['a list with commas in a tag and empty members', () => `, "a,b" ,, ${etag},`],
  ];

  for (const method of ['GET', 'HEAD'])
    test.each(rows)(`${method} with %s is 304, without a body`, async (_, value) => {
      const { status, headers, body } = await read(value(), method);
      expect([status, body]).toEqual([304, undefined]);
      expect(headers.get('etag')).toBe(etag);
      expect(headers.get('cache-control')).toBe('no-cache');
      for (const name of ['content-length', 'content-type', 'transfer-encoding'])
        expect([name, headers.get(name)]).toEqual([name, null]);
    });

  test.each([
    ['another tag', () => '"a"'],
    ['a list of others', () => 'W/"a", "b"'],
    ['its tag without quotes', () => strong().slice(1, -1)],
    ['a part of its tag', () => `${strong().slice(0, -2)}"`],
    ['a star among others', () => '"a", *'],
    ['a star in quotes', () => '"*"'],
  ])('with %s it is 200', async (_, value) => {
    expect(await read(value())).toMatchObject({ status: 200, body: { name: 'tagged' } });
  });
});

test('a coupon that does not exist is 404, also for any tag', async () => {
  expect((await read('*', 'GET', '/api/coupons/missing')).status).toBe(404);
});

test('a coupon that was claimed has another tag', async () => {
  const old = (await read()).headers.get('etag') as string;
  await claim(target.url, 'tagged', 'user');
  expect((await read(old)).status).toBe(200);
});
