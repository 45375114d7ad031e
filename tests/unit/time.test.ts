import { isTime, readTime } from '@flashclaim/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('a time of RFC 3339', () => {
  test.each([
    ['2026-11-27T09:00:00Z', '2026-11-27T09:00:00.000Z'],
    ['2026-11-27t09:00:00z', '2026-11-27T09:00:00.000Z'],
    ['2026-11-27T09:00:00+01:00', '2026-11-27T08:00:00.000Z'],
    ['2026-11-27T00:30:00-23:59', '2026-11-28T00:29:00.000Z'],
    ['2026-11-27T09:00:00-00:00', '2026-11-27T09:00:00.000Z'],
    ['2026-11-27T09:00:00.5Z', '2026-11-27T09:00:00.500Z'],
    ['2026-11-27T09:00:00.123999999999Z', '2026-11-27T09:00:00.123Z'],
    ['1969-12-31T23:59:59.9999Z', '1969-12-31T23:59:59.999Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['0099-01-01T00:00:00Z', '0099-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, utc) => expect(readTime(text)?.toISOString()).toBe(utc));

  test.each([
    '',
    '2026-11-27',
    '2026-11-27T09:00:00',
    '2026-11-27T09:00Z',
    '2026-11-27 09:00:00Z',
    ' 2026-11-27T09:00:00Z',
    '2026-11-27T09:00:00Z\n',
    '2026-11-27T09:00:00+01',
    '2026-11-27T09:00:00+0100',
    '2026-11-27T09:00:00+24:00',
    '2026-11-27T09:00:00+01:60',
    '2026-11-27T09:00:00.Z',
    '2026-11-27T09:00:00,5Z',
    '2026-11-27T24:00:00Z',
    '2026-11-27T09:60:00Z',
    '2016-12-31T23:59:60Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-11-31T00:00:00Z',
    '2026-11-00T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '+010000-01-01T00:00:00Z',
    '20261127T090000Z',
    '1764234000',
    'tomorrow',
    '２０26-11-27T09:00:00Z',
  ])('%j is none', (text) => expect(isTime(text)).toBe(false));

  test('is read as the parser of JavaScript reads it, wherever that one knows it', () => {
    const noInvalidDate = true;
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9998-12-31'), noInvalidDate }),
        fc.integer({ min: -1439, max: 1439 }),
        (date, offset) => {
          const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
          const two = (number: number) => String(number).padStart(2, '0');
          const size = Math.abs(offset);
          const text = `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
          expect(readTime(text)).toEqual(new Date(text));
          expect(readTime(text)).toEqual(date);
        },
      ),
    );
  });
});
