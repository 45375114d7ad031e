import { claimIdOfKey } from '@flashclaim/api';
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
