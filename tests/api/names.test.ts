import {
  COUPON_NAME_RULE,
  isCouponName,
  isName,
  NAME_RULE,
  normaliseName,
  URL_PARAMETER_MAX_CHARS,
} from '@flashclaim/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, readCoupon } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem();
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

/** Creates a coupon of this name, reads it and claims it as a user of the same name, or sees each of that refused. */
const roundTrip = async (name: string): Promise<void> => {
  const { coupons, claims } = system.stores.mongo;
  const normal = normaliseName(name);
  await coupons.deleteOne({ name: normal });
  await claims.deleteMany({ coupon_name: normal });

  const created = await call(`${url}/api/coupons`, 'POST', { name, amount: 2 });
  const claimed = await claim(url, name, name);
  if (!isCouponName(name)) {
    expectProblem(created, 'invalid_request', `name must be ${COUPON_NAME_RULE}.`);
    if (isName(name)) expectProblem(claimed, 'coupon_not_found');
    else expectProblem(claimed, 'invalid_request', `must be ${NAME_RULE}.`);
    return;
  }
  expect(created).toMatchObject({ status: 201, body: { name: normal } });
  expect(claimed).toMatchObject({ status: 200, body: { coupon_name: normal, user_id: normal } });
  expect(await readCoupon(url, name)).toMatchObject({ name: normal, remaining_amount: 1, claimed_by: [normal] });
};

describe('names make the round trip create → get → claim', () => {
  const special = fc.constantFrom(
    ...[
      '\u0301',
      '\u202e',
      '\u200c',
      '\u200d',
      '\u2060',
      '\ufeff',
      '\ufffd',
      '\uffff',
      '\u0000',
      '\u0085',
      '\u2028',
      '\u00a0',
      '\u3000',
    ],
    ...['\ud83c', '\udf9f', '\u1100', '\u1161', '\u11a8', '\u0130', 'ß', 'ﬁ', '\u0344', '\u{10ffff}', '\u{1d15e}'],
    ...['/', '\\', '%', '%2F', '?', '#', '.', '..', ':', '$', '{', '"', "'", '&', '+', ' ', '\n', '*', '|', '~'],
  );
  const alphabets: [string, fc.Arbitrary<string>][] = [
    ['any code points', fc.string({ unit: 'binary', maxLength: 260 })],
    ['what people see as characters', fc.string({ unit: 'grapheme', maxLength: 80 })],
    [
      'any UTF-16',
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
    ],
    ['what means something somewhere', fc.array(special, { maxLength: 8 }).map((parts) => parts.join(''))],
    [
      'names of what every object has',
      fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype), 'length', 'then'),
    ],
  ];

  test.each(alphabets)('%s', async (_, names) => {
    await fc.assert(fc.asyncProperty(names, roundTrip), { numRuns: 60 });
  });

  // Two spellings of one name are one coupon, and one user.
  test('in every normal form', async () => {
    const spelled = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((name) => isCouponName(name));
    await fc.assert(
      fc.asyncProperty(spelled, async (name) => {
        const [composed, decomposed] = [name.normalize('NFC'), name.normalize('NFD')];
        await roundTrip(decomposed);
        expect(await readCoupon(url, composed)).toMatchObject({ name: composed, claimed_by: [composed] });
        expect((await claim(url, composed, composed)).body.code).toBe('already_claimed');
      }),
      { numRuns: 30 },
    );
  });

  test('as long as they may be, spelled as long as they can be', async () => {
    // An emoji, Greek of four code points, a syllable of three, and the longest there is: three of four bytes each.
    for (const character of ['🎟', '\u1f82', '\ud55c', '\u{16126}']) {
      const spelling = character.repeat(255).normalize('NFD');
      expect(encodeURIComponent(spelling).length).toBeLessThanOrEqual(URL_PARAMETER_MAX_CHARS);
      await roundTrip(spelling);
    }
  });

  // Users have no address.
  test.each(['.', '..'])('but for %s, which is a folder in an address, and may be a user', async (name) => {
    await roundTrip(name);
    const coupon = `claimed by ${name}`;
    await createCoupon(url, coupon, 1);
    expect((await claim(url, coupon, name)).status).toBe(200);
    expect(await readCoupon(url, coupon)).toMatchObject({ claimed_by: [name] });
  });
});
