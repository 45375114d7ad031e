import { beforeAll, describe, expect, test } from 'vitest';
import { couponApiForFile } from '../support/coupon-api.ts';
import { expectProblem } from '../support/expect-problem.ts';

const api = couponApiForFile();

describe('a change that is not valid changes nothing', () => {
  const T9 = '2030-01-01T09:00:00Z';
  const T10 = '2030-01-01T10:00:00Z';
  beforeAll(async () => {
    await api.createWith('valid', 5, 3);
    await api.change('valid', { starts_at: T9, ends_at: T10 });
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
    const before = await api.stored('valid');
    const reply = await api.change('valid', body);
    expectProblem(reply, 'invalid_request', detail);
    expect(reply.body.errors).toMatchObject([{ pointer }]);
    expect(await api.stored('valid')).toEqual(before);
  });

  test.each<[object, string, string | RegExp]>([
    [{ name: 'bad', amount: 1, starts_at: T10, ends_at: T9 }, '#/ends_at', 'ends_at must be later than starts_at.'],
    [{ name: 'bad', amount: 1, ends_at: 'noon' }, '#/ends_at', 'must be a time of RFC 3339'],
    [{ name: 'bad', amount: 1, paused: null }, '#/paused', 'paused must be of type boolean.'],
    [{ name: 'bad', amount: 1, version: 1 }, '#/version', 'version is not an allowed field.'],
  ])('no coupon is created by %j', async (body, pointer, detail) => {
    const reply = await api.create(body);
    expectProblem(reply, 'invalid_request', detail);
    expect(reply.body.errors).toMatchObject([{ pointer }]);
    expect((await api.stored('bad')).coupon).toBeNull();
  });

  test('every fault is listed', async () => {
    const { body } = await api.change('valid', { amount: 0, starts_at: 'x', paused: 1, version: 'y', colour: 'red' });
    const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(['#/amount', '#/colour', '#/paused', '#/starts_at', '#/version']);
  });

  test('a page of another origin is refused while admin calls are open', async () => {
    const before = await api.stored('valid');
    const headers = { 'content-type': 'application/json', origin: 'https://shop.example' };
    expectProblem(await api.change('valid', { paused: true }, headers), 'host_not_allowed');
    expect(await api.stored('valid')).toEqual(before);
  });
});
