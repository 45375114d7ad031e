import { claimsCursor, decodeCursor, encodeCursor } from '@flashclaim/api';
import { describe, expect, test } from 'vitest';

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const INVALID = expect.objectContaining({
  code: 'invalid_request',
  members: { errors: [expect.objectContaining({ parameter: 'after' })] },
});

describe('a cursor', () => {
  test.each([
    ['numbers', [1, 2_147_483_648]],
    ['texts of any script', ['müsli 🎟', 'مرحبا', '"\\/']],
    ['nothing', []],
  ])('returns its position: %s', (_, position) => {
    const cursor = encodeCursor('list', 'scope', position);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor('list', 'scope', cursor)).toEqual(position);
  });

  test('in the claims of a coupon holds the last sequence number', () => {
    expect(decodeCursor('claims', '66f1a0c2', claimsCursor('66f1a0c2', 7))).toEqual([7]);
  });

  test.each([
    ['empty', ''],
    ['not base64url', '%'],
    ['not JSON', encode('[')],
    ['not a list', encode({ 0: 'list', 1: 'scope' })],
    ['null', encode('null')],
    ['of another list', encodeCursor('other', 'scope', [1])],
    ['of another scope', encodeCursor('list', 'other', [1])],
    ['with a part that is no position', encode(['list', 'scope', null])],
    ['with a nested part', encode(['list', 'scope', [1]])],
    ['with an endless number', encode('["list","scope",1e999]')],
    ['with blanks', encode('["list", "scope",1]')],
    ['with padding', `${encodeCursor('list', 'scope', [1])}==`],
    ['with a character that decoders ignore', `${encodeCursor('list', 'scope', [1])}!`],
    [
      'with bytes that are not UTF-8',
      Buffer.from('5b226c697374222c2273636f7065222c22ff225d', 'hex').toString('base64url'),
    ],
    ['cut off', encodeCursor('list', 'scope', [1]).slice(0, -1)],
  ])('that is %s is an invalid request', (_, cursor) => {
    expect(() => decodeCursor('list', 'scope', cursor)).toThrow(INVALID);
  });
});
