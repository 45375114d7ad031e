import {
  CLAIM_WAIT_DEFAULT_MS,
  CLAIM_WAIT_MAX_MS,
  CLOSED_REASONS,
  type Claim,
  COUNTED_DECISIONS,
  decodeDecision,
  decodeJob,
  decodeResult,
  encodeDecisions,
  encodeJob,
  graceMs,
  handlerTimeoutMs,
  isCouponName,
  isName,
  JOB_LOCK_MS,
  JOB_STALLED_CHECK_MS,
  laneOf,
  normaliseName,
  type RecordedDecision,
} from '@flashclaim/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('limits keep their relations', () => {
  test.each([0, CLAIM_WAIT_DEFAULT_MS, CLAIM_WAIT_MAX_MS])('wait %i ms < handler timeout < grace', (waitMs) => {
    expect(waitMs).toBeLessThan(handlerTimeoutMs(waitMs));
    expect(handlerTimeoutMs(waitMs)).toBeLessThan(graceMs(waitMs));
  });

  test('a killed worker leaves its lane within the ten seconds that are promised', () => {
    expect(JOB_LOCK_MS + 2 * JOB_STALLED_CHECK_MS).toBeLessThan(10_000);
  });
});

/** A name with the character of this code, whose row has the code as its title. */
const ofCode = (code: string): [string, string] => [`U+${code}`, `a${String.fromCharCode(Number.parseInt(code, 16))}b`];

describe('names', () => {
  test.each([
    ['plain', 'FLASH_SALE_2024'],
    ['255 characters', 'x'.repeat(255)],
    ['255 emoji', '🎟'.repeat(255)],
    ['blanks inside', 'a  b'],
    ['slashes and escapes', 'a/b%2Fc:d?e#f'],
    ['right to left', 'مرحبا'],
    ['zero width joiner', '👩\u200d🚀'],
    ['zero width non-joiner', 'می\u200cخواهم'],
    ['other invisible characters', 'a\u00ad\u2062b'],
  ])('%s: accepted', (_, name) => expect(isName(name)).toBe(true));

  test.each([
    ['empty', ''],
    ['blanks', ' \t\u3000'],
    ['256 characters', 'x'.repeat(256)],
    ['256 emoji', '🎟'.repeat(256)],
    ['NUL', 'a\0b'],
    ['newline', 'a\nb'],
    ['C1 control', 'a\u0085b'],
    ['half an emoji', 'a\ud83c'],
    ['a blank before', ' a'],
    ['a blank after', 'a '],
    ['a blank after 254 characters', `${'x'.repeat(254)} `],
    ['an ideographic space before', '\u3000a'],
    ['a no-break space after', 'a\u00a0'],
    ['a line separator after', 'é\u2028'],
    ...['200b', '2060', 'feff', '061c', '200e', '200f', '202a', '202b', '202c', '202d', '202e'].map(ofCode),
    ...['2066', '2067', '2068', '2069'].map(ofCode),
  ])('%s: refused', (_, name) => expect(isName(name)).toBe(false));

  test.each(['.', '..'])('%s may be a user, and no coupon', (name) => {
    expect([isName(name), isCouponName(name)]).toEqual([true, false]);
  });

  test.each(['...', './', '\u2024', 'a.', '. .'])('%s may be a coupon', (name) =>
    expect(isCouponName(name)).toBe(true),
  );

  test('length counts after normalisation', () => {
    expect(isName('e\u0301'.repeat(255))).toBe(true);
    expect(normaliseName('e\u0301')).toBe('é');
  });

  test('the shortcut for plain names changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const name = text.normalize('NFC');
        const characters = [...name];
        const slow =
          characters.length >= 1 &&
          characters.length <= 255 &&
          ![characters[0], characters.at(-1)].some((character = '') => /\p{White_Space}/u.test(character)) &&
          !characters.some((character) => /\p{Cc}|\p{Cs}|\p{Bidi_Control}|[\u200b\u2060\ufeff]/u.test(character));
        expect(isName(text)).toBe(slow);
        expect(normaliseName(text)).toBe(name);
      }),
    );
  });
});

describe('lanes', () => {
  test('a name has one lane, and names spread over all of them', () => {
    const lanes = Array.from({ length: 8 }, () => 0);
    for (let i = 0; i < 8_000; i++) lanes[laneOf(`coupon-${i}`, 8)] = (lanes[laneOf(`coupon-${i}`, 8)] ?? 0) + 1;
    for (const count of lanes) expect(count).toBeGreaterThan(700);
  });
});

describe('a job on its way', () => {
  const claims = fc.array(
    fc.record<Claim, 'id' | 'userId' | 'couponName'>(
      {
        id: fc.uuid(),
        userId: fc.string(),
        couponName: fc.constantFrom('a', 'b', '{"$gt":""}'),
        requestId: fc.string({ minLength: 1 }),
      },
      { requiredKeys: ['id', 'userId', 'couponName'] },
    ),
  );

  const HEAD = { id: 'job', deadline: 7, replyTo: 'api' };

  test('comes out as it went in', () => {
    fc.assert(
      fc.property(claims, (list) => {
        const sent = JSON.parse(JSON.stringify(encodeJob(HEAD, list)));
        expect(decodeJob(sent)).toEqual({ id: 'job', deadline: 7, claims: list });
      }),
    );
  });

  test('names its coupons and users in their one form, whoever put it there', () => {
    const job = encodeJob(HEAD, [{ id: 'id', userId: 'zoe\u0308', couponName: 'mu\u0308sli' }]);
    expect(decodeJob(job).claims).toEqual([{ id: 'id', userId: 'zo\u00eb', couponName: 'm\u00fcsli' }]);
  });

  test('without keys holds no requests', () => {
    expect(encodeJob(HEAD, [{ id: 'id', userId: 'user', couponName: 'coupon' }])).toEqual({
      ...{ v: 4, id: 'job', deadline: 7, replyTo: 'api' },
      coupons: ['coupon'],
      claims: [['id', 'user', 0]],
    });
  });

  test('every decision has a letter of its own', () => {
    const outcomes = COUNTED_DECISIONS.filter((decision) => decision !== 'sale_not_open');
    const decisions: RecordedDecision[] = [...outcomes, ...CLOSED_REASONS, 'timed_out'];
    const result = { decisions: encodeDecisions(decisions) };
    expect(decisions.map((_, index) => decodeDecision(result, index))).toEqual(decisions);
    expect(() => decodeDecision(result, decisions.length)).toThrow(`no decision for claim ${decisions.length}`);
  });

  test('a result gives each grant of a coupon the next number, and each older claim its own', () => {
    const claims = ['a', 'b', 'a', 'a', 'a', 'b'].map((couponName) => ({ couponName }));
    const decisions = encodeDecisions(['claimed', 'claimed', 'out_of_stock', 'replayed', 'claimed', 'released']);
    const result = { decisions, grants: { 0: [7, 100] as [number, number], 1: [1, 101] as [number, number] } };
    expect(decodeResult({ ...result, units: { 3: [2, 50], 5: [4, 60, 102] } }, claims)).toEqual([
      { decision: 'claimed', sequence: 7, claimedAt: 100 },
      { decision: 'claimed', sequence: 1, claimedAt: 101 },
      { decision: 'out_of_stock' },
      { decision: 'replayed', sequence: 2, claimedAt: 50 },
      { decision: 'claimed', sequence: 8, claimedAt: 100 },
      { decision: 'released', sequence: 4, claimedAt: 60, endedAt: 102 },
    ]);
  });

  test('a release keeps its place among the claims', () => {
    const release = { id: 'b', userId: 'user', couponName: 'coupon', operation: 'release' } as const;
    const claims = [{ id: 'a', userId: 'user', couponName: 'coupon' }, release];
    expect(decodeJob(encodeJob(HEAD, claims)).claims).toEqual(claims);
  });
});
