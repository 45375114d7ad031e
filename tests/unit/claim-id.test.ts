import { claimIdOfKey, newClaimId } from '@flashclaim/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 255 });

test('a key makes one id, a UUID of version 8', () => {
  fc.assert(
    fc.property(key, key, (one, other) => {
      expect(claimIdOfKey(one)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(claimIdOfKey(one) === claimIdOfKey(other)).toBe(one === other);
    }),
  );
});

test('the id of a key is the same in every version: claims stand under it', () => {
  expect(claimIdOfKey('8e03978e-40d5-43dd-bc93-6894a57f9324')).toBe('731b2c61-86ef-8bf3-ab73-c16b575cd6d4');
  expect(claimIdOfKey('a')).toBe('6d949545-4586-8c05-b480-63ee5485d01e');
});

test('a new id begins with its time, whatever was the time of the one before, and no two are alike', () => {
  const times = fc.array(fc.integer({ min: 0, max: 2 ** 48 - 1 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(times, (moments) => {
      const ids = moments.flatMap((now) => [newClaimId(now), newClaimId(now)]);
      const told = ids.map((id) => Number.parseInt(id.slice(0, 13).replace('-', ''), 16));
      expect(told).toEqual(moments.flatMap((now) => [now, now]));
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});
