import { type ClaimCall, checkHistory, describeViolations, type HistoryRecord, type State } from '@flashclaim/audit';
import { checkReceipts } from '@flashclaim/sale/check-receipts.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  brokenBy,
  claim,
  create,
  ended,
  held,
  heldBy,
  lost,
  read,
  refused,
  release,
  stateOf,
} from '../support/history-records.ts';
import { longPlan, sale, withLosses } from '../support/model-plans.ts';
import { ModelSale } from '../support/model-sale.ts';

/** A claim that was granted with this number. */
const receipt = (user: string, at: number, sequence: number, more: Partial<ClaimCall> = {}) =>
  claim(user, at, { sequence, ...more });

/** A faulty sale of two units, and its neighbour without the fault; what each checker says of the first. */
interface Row {
  fault: string;
  wrong: readonly HistoryRecord[];
  wrongState: State;
  fine: readonly HistoryRecord[];
  state: State;
  /** The fault by the receipts, and the invariants by history and database. */
  found: string;
  broken: string;
}

const soldOut = heldBy(['a', 'b']);
const ROWS: Row[] = [
  {
    fault: 'a unit too many is sold',
    wrong: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), receipt('c', 30, 3)],
    wrongState: stateOf({ remaining: -1 }, [held('a'), held('b'), held('c')]),
    fine: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), refused('c', 30, 'out_of_stock')],
    state: soldOut,
    found: 'oversold',
    broken: 'I1',
  },
  {
    fault: 'two claims of a user in one batch are both granted',
    wrong: [create(0), receipt('a', 10, 1), receipt('a', 10, 2, { claimId: 'id-a2' })],
    wrongState: stateOf({}, [held('a'), held('a', { id: 'id-a2' })]),
    fine: [create(0), receipt('a', 10, 1), refused('a', 10, 'already_claimed')],
    state: heldBy(['a']),
    found: 'double',
    broken: 'I2',
  },
  {
    fault: 'a claim that was answered 200 is lost',
    wrong: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), read(30, 1, 1)],
    wrongState: heldBy(['a']),
    fine: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), read(30, 0, 2)],
    state: soldOut,
    found: 'lost',
    broken: 'I4',
  },
  {
    fault: 'a claim that was answered 200 is lost, and its number is given again',
    wrong: [create(0), receipt('a', 10, 1), receipt('b', 20, 1)],
    wrongState: heldBy(['b']),
    fine: [create(0), receipt('a', 10, 1), receipt('b', 20, 2)],
    state: soldOut,
    found: 'oversold',
    broken: 'I4',
  },
  {
    fault: 'a caller is refused as a holder before the own unit is granted',
    wrong: [create(0), refused('a', 10, 'already_claimed'), receipt('b', 20, 2)],
    wrongState: soldOut,
    fine: [create(0), lost('a', 10), receipt('b', 20, 2)],
    state: soldOut,
    found: 'false refusal',
    broken: 'I5',
  },
  {
    fault: 'a caller is refused for another reason and holds a unit',
    wrong: [create(0), refused('a', 10, 'sale_not_open'), receipt('b', 20, 2)],
    wrongState: soldOut,
    fine: [create(0), lost('a', 10), receipt('b', 20, 2)],
    state: soldOut,
    found: 'false refusal',
    broken: 'I5',
  },
  {
    fault: 'the numbers are not in the order of the grants',
    wrong: [create(0), receipt('a', 10, 2), receipt('b', 20, 1)],
    wrongState: stateOf({}, [held('b'), held('a')]),
    fine: [create(0), receipt('a', 10, 2), receipt('b', 12, 1)],
    state: stateOf({}, [held('b'), held('a')]),
    found: 'misnumbered',
    broken: 'I1',
  },
  {
    fault: 'a holder is refused under the own key',
    wrong: [create(0), receipt('a', 10, 1, { key: 'k' }), { ...refused('a', 20, 'already_claimed'), key: 'k' }],
    wrongState: heldBy(['a']),
    fine: [create(0), receipt('a', 10, 1, { key: 'k' }), receipt('a', 20, 1, { key: 'k', replayed: true })],
    state: heldBy(['a']),
    found: 'false refusal',
    broken: 'I5',
  },
  {
    fault: 'a user without a unit is refused as its holder',
    wrong: [create(0), receipt('a', 10, 1), refused('b', 20, 'already_claimed')],
    wrongState: heldBy(['a']),
    fine: [create(0), receipt('a', 10, 1), lost('b', 15), refused('b', 20, 'already_claimed')],
    state: soldOut,
    found: 'false refusal',
    broken: 'I5',
  },
  {
    fault: 'a unit remains, and callers are refused',
    wrong: [create(0), receipt('a', 10, 1), refused('b', 20, 'out_of_stock')],
    wrongState: heldBy(['a']),
    fine: [create(0), receipt('a', 10, 1), lost('c', 15), refused('b', 20, 'out_of_stock')],
    state: stateOf({}, [held('a'), held('c')]),
    found: 'undersold',
    broken: 'I8',
  },
  {
    fault: 'a release is answered before its unit is free',
    wrong: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), release('a', 30), refused('c', 40, 'out_of_stock')],
    wrongState: stateOf({}, [ended('a'), held('b')]),
    fine: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), release('a', 30), refused('c', 33, 'out_of_stock')],
    state: stateOf({}, [ended('a'), held('b')]),
    found: 'undersold',
    broken: 'I8',
  },
  {
    fault: 'a unit is sold again before its release',
    wrong: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), receipt('c', 30, 3), release('a', 40)],
    wrongState: stateOf({}, [ended('a'), held('b'), held('c')]),
    fine: [create(0), receipt('a', 10, 1), receipt('b', 20, 2), release('a', 30), receipt('c', 31, 3)],
    state: stateOf({}, [ended('a'), held('b'), held('c')]),
    found: 'oversold',
    broken: 'I1',
  },
];

const faultsOf = (history: readonly HistoryRecord[]) =>
  [...new Set(checkReceipts(history).map(({ fault }) => fault))].join(' ');

describe('both checkers find', () => {
  test.each(ROWS)('$fault', ({ wrong, wrongState, fine, state, found, broken }) => {
    expect(describeViolations(checkHistory(fine, state))).toBe('');
    expect(checkReceipts(fine)).toEqual([]);
    expect(brokenBy(wrong, wrongState)).toContain(broken);
    expect(faultsOf(wrong)).toBe(found);
  });
});

test('a claim whose status was never known may have taken a unit, and one that was refused has not', () => {
  const pending = claim('b', 20, { status: 202, code: 'pending', claimId: 'id-b' });
  const status = { op: 'status' as const, claimId: 'id-b', invokedAt: 22, answeredAt: 23, status: 200 };
  const sale = [create(0), receipt('a', 10, 1), pending, refused('c', 30, 'out_of_stock')];
  expect(checkReceipts(sale)).toEqual([]);
  expect(checkReceipts([...sale, { ...status, status: 429, code: 'rate_limited' }])).toEqual([]);
  expect(checkReceipts([...sale, { ...status, code: 'out_of_stock' }])).toMatchObject([{ fault: 'undersold' }]);
});

test('the receipts of a correct system have no fault, also where answers are lost', () => {
  fc.assert(
    fc.property(sale, longPlan, fc.array(fc.boolean(), { minLength: 7 }), (created, requests, losses) => {
      const { history } = new ModelSale(created, requests);
      expect(checkReceipts(history)).toEqual([]);
      expect(checkReceipts(withLosses(history, (index) => losses[index % losses.length] as boolean))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
