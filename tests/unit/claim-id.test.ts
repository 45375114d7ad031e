import { claimIdOfKey, newClaimId } from '@flashclaim/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 255 });
const user = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 });

test('a user and a key make one id, a UUID of version 8', () => {
  fc.assert(
    fc.property(user, key, user, key, (one, oneKey, other, otherKey) => {
      const id = claimIdOfKey(one, oneKey);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(claimIdOfKey(one, oneKey)).toBe(id);
      expect(claimIdOfKey(other, oneKey) === id).toBe(other === one);
      expect(claimIdOfKey(one, otherKey) === id).toBe(otherKey === oneKey);
    }),
  );
});

test('no other user and key have the same id, wherever one text is cut into the two', () => {
  const text = '1:a2:bc"3:def';
  const ids = Array.from({ length: text.length - 1 }, (_, i) => claimIdOfKey(text.slice(0, i + 1), text.slice(i + 1)));
  expect(new Set(ids).size).toBe(ids.length);
});

test('the id of a user and a key is the same in every version: claims stand under it', () => {
  expect(claimIdOfKey('user_1', '8e03978e-40d5-43dd-bc93-6894a57f9324')).toBe('da6b2c59-821a-8051-9867-b72ebb59225b');
  expect(claimIdOfKey('zo\u00eb', 'a')).toBe('8c16bfb6-2f7c-80ba-9fc9-2daa6263ad37');
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
