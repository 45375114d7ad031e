import { type CouponChange, decideChange, type SaleFields, stateOf } from '@flashclaim/core';
import { describe, expect, test } from 'vitest';

const AT_9 = new Date('2026-11-27T09:00:00Z');
const AT_10 = new Date('2026-11-27T10:00:00Z');
const SETTINGS = { amount: 5, remaining_amount: 2, version: 3 };
const decide = (change: CouponChange, sale: SaleFields = {}) => decideChange({ ...SETTINGS, ...sale }, change);

describe('a change of a coupon', () => {
  test.each<[string, CouponChange, SaleFields, object, number]>([
    ['more units', { amount: 7 }, {}, { amount: 7 }, 2],
    ['fewer units, down to the claimed ones', { amount: 3 }, {}, { amount: 3 }, -2],
    ['the right version', { amount: 7, version: 3 }, {}, { amount: 7 }, 2],
    ['a pause', { paused: true }, {}, { paused: true }, 0],
    ['the end of a pause', { paused: false }, { paused: true }, { paused: false }, 0],
    ['a start', { starts_at: '2026-11-27T10:00:00+01:00' }, {}, { starts_at: AT_9 }, 0],
    ['another start', { starts_at: '2026-11-27T10:00:00Z' }, { starts_at: AT_9 }, { starts_at: AT_10 }, 0],
    ['no end', { ends_at: null }, { ends_at: AT_9 }, { ends_at: null }, 0],
    [
      'a window after the old one',
      { starts_at: '2026-11-27T10:00:00Z', ends_at: '2026-11-27T10:00:00.001Z' },
      { ends_at: AT_9 },
      { starts_at: AT_10, ends_at: new Date(AT_10.getTime() + 1) },
      0,
    ],
    ['of several settings, only what differs', { amount: 5, paused: true, ends_at: null }, {}, { paused: true }, 0],
    [
      'a start after an end that it removes',
      { starts_at: '2026-11-27T10:00:00Z', ends_at: null },
      { ends_at: AT_9 },
      { starts_at: AT_10, ends_at: null },
      0,
    ],
  ])('%s is made', (_, change, sale, settings, added) => {
    expect(decide(change, sale)).toEqual({ outcome: 'changed', version: 4, settings, added });
  });

  test.each<[string, CouponChange, SaleFields]>([
    ['the same amount', { amount: 5 }, {}],
    ['a pause of a paused coupon', { paused: true }, { paused: true }],
    ['no pause of one that is not paused', { paused: false }, {}],
    ['the same time, with another offset', { starts_at: '2026-11-27T08:00:00-01:00' }, { starts_at: AT_9 }],
    ['no times where none are set', { starts_at: null, ends_at: null }, {}],
  ])('%s changes nothing', (_, change, sale) => {
    expect(decide(change, sale)).toEqual({ outcome: 'unchanged', version: 3 });
  });

  test.each<[string, CouponChange, SaleFields, object]>([
    [
      'another version, whatever else is wrong',
      { version: 2, amount: 1, ends_at: '2026-11-27T08:00:00Z' },
      { starts_at: AT_9 },
      { outcome: 'version_conflict', version: 3 },
    ],
    [
      'another version, even if nothing changes',
      { version: 4, amount: 5 },
      {},
      { outcome: 'version_conflict', version: 3 },
    ],
    [
      'an end at the start',
      { ends_at: '2026-11-27T09:00:00Z', amount: 1 },
      { starts_at: AT_9 },
      { outcome: 'ends_before_start', field: 'ends_at' },
    ],
    [
      'a start at the end',
      { starts_at: '2026-11-27T09:00:00Z' },
      { ends_at: AT_9 },
      { outcome: 'ends_before_start', field: 'starts_at' },
    ],
    [
      'an end before the start, both sent',
      { starts_at: '2026-11-27T10:00:00Z', ends_at: '2026-11-27T09:00:00Z' },
      {},
      { outcome: 'ends_before_start', field: 'ends_at' },
    ],
    ['fewer units than are claimed', { amount: 2 }, {}, { outcome: 'amount_below_claimed', claimed: 3 }],
  ])('%s is refused', (_, change, sale, decision) => {
    expect(decide(change, sale)).toEqual(decision);
  });
});

describe('the state of a coupon', () => {
  const second = (after: number) => new Date(AT_9.getTime() + after * 1_000);
  const window = { starts_at: second(0), ends_at: second(10) };

  test.each<[string, SaleFields & { remaining_amount: number }, Date, string]>([
    ['without settings', { remaining_amount: 1 }, AT_9, 'open'],
    ['without units', { remaining_amount: 0 }, AT_9, 'sold_out'],
    ['a moment before its start', { ...window, remaining_amount: 0 }, second(-0.001), 'scheduled'],
    ['at its start', { ...window, remaining_amount: 1 }, second(0), 'open'],
    ['a moment before its end', { ...window, remaining_amount: 0 }, second(9.999), 'sold_out'],
    ['at its end', { ...window, remaining_amount: 0, paused: true }, second(10), 'ended'],
    ['paused, before its start', { ...window, remaining_amount: 0, paused: true }, second(-1), 'paused'],
    ['paused', { remaining_amount: 1, paused: true }, AT_9, 'paused'],
  ])('%s', (_, coupon, now, state) => expect(stateOf(coupon, now)).toBe(state));
});
