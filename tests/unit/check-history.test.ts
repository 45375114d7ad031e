import { type ClaimCall, checkHistory, describeViolations, type HistoryRecord, type State } from '@flashclaim/audit';
import { describe, expect, test } from 'vitest';
import {
  brokenBy,
  claim,
  create,
  HOUR,
  held,
  heldBy,
  keyed,
  lost,
  lostKeyed,
  mark,
  pending,
  pendingKeyed,
  read,
  refused,
  stateOf,
  status,
  statusNotFound,
  statusOfA,
  unanswered,
} from '../support/history-records.ts';

const SALE: readonly HistoryRecord[] = [
  create(0),
  claim('a', 10),
  read(12, 1, 1),
  claim('b', 13, { key: 'k', claimId: 'id-b' }),
  claim('b', 13.5, { key: 'k', claimId: 'id-b', replayed: true }),
  refused('a', 20, 'already_claimed'),
  refused('c', 21, 'out_of_stock'),
  claim('b', 22, { key: 'k', claimId: 'id-b', replayed: true }),
  read(30, 0, 2),
  read(31, 0, 2, { limit: 1, listed: 1 }),
];

describe('a consistent history passes', () => {
  const sold = heldBy(['a', 'b']);
  const rows: [string, readonly HistoryRecord[], State][] = [
    ['a sale', SALE, sold],
    ['in any order of its lines', SALE.toReversed(), sold],
    ['a lost answer, with and without a claim', [lost('a', 1), lost('b', 1), lost('c', 1)], sold],
    ['a lost answer, and 409 after it', [lost('a', 1), claim('b', 1), refused('a', 9, 'already_claimed')], sold],
    [
      'a lost answer, and its key again',
      [lost('a', 1, { key: 'k' }), claim('a', 9, { key: 'k', replayed: true })],
      heldBy(['a']),
    ],
    ['unavailable, and claimed all the same', [claim('a', 1, { status: 503, code: 'unavailable' })], heldBy(['a'])],
    [
      'overloaded, and nothing done',
      [claim('a', 1, { status: 503, code: 'overloaded' }), claim('a', 9)],
      heldBy(['a']),
    ],
    [
      'pending, resolved each way',
      [
        pending('a', 1),
        claim('b', 1),
        pending('c', 2),
        status('a', 9, 'pending'),
        status('a', 20, 'claimed'),
        status('c', 20, 'out_of_stock'),
      ],
      sold,
    ],
    ['pending, and the claim stands', [pending('a', 1)], heldBy(['a'])],
    [
      'not found before it was created',
      [
        claim('a', 1, { status: 404, code: 'coupon_not_found' }),
        claim('b', 1, { status: 404, code: 'coupon_not_found' }),
        create(4),
      ],
      heldBy([]),
    ],
    [
      'not found, then created, and its key again',
      [
        claim('a', 1, { status: 404, code: 'coupon_not_found', key: 'k' }),
        create(10),
        claim('a', 20, { key: 'k', claimId: 'id-a' }),
      ],
      heldBy(['a']),
    ],
    [
      'pending, and not found by another who came later but was decided before it was created',
      [
        pending('a', 1),
        claim('b', 9, { status: 404, code: 'coupon_not_found' }),
        create(20),
        status('a', 30, 'claimed'),
      ],
      heldBy(['a']),
    ],
    [
      'not found while it was created',
      [create(0), claim('a', 4, { status: 404, code: 'coupon_not_found' })],
      heldBy([]),
    ],
    [
      'refused while the last unit was asked for',
      [claim('a', 1), claim('b', 8), refused('c', 5, 'out_of_stock')],
      sold,
    ],
    [
      'a key refused for one coupon, and then used for another',
      [
        keyed(0, { answeredAt: 9, coupon: 'cold', status: 404, code: 'coupon_not_found' }),
        keyed(5, { claimId: 'id-a' }),
      ],
      heldBy(['a']),
    ],
    [
      'pending for another coupon under a key, and then a status of the claim under it',
      [
        keyed(1, { claimId: 'id-a' }),
        keyed(2, { coupon: 'cold', status: 202, code: 'pending', claimId: 'id-a' }),
        statusOfA(9, 'claimed'),
      ],
      heldBy(['a']),
    ],
    [
      'a key used for another coupon',
      [keyed(1, { claimId: 'id-a' }), keyed(9, { coupon: 'cold', status: 422, code: 'idempotency_key_reused' })],
      heldBy(['a']),
    ],
    [
      'the same key of two users',
      [lostKeyed(1), claim('b', 2, { key: 'k' }), claim('b', 9, { key: 'k', replayed: true })],
      sold,
    ],
    [
      'recovery in time',
      [mark('broken', 0), mark('recovered', 100), claim('a', 50, { answeredAt: 9_000 }), claim('b', 18_990)],
      sold,
    ],
    [
      'another part is still broken',
      [
        { ...mark('broken', 0), what: 'Redis' },
        mark('broken', 1),
        mark('recovered', 100),
        lost('a', 101),
        claim('a', 19_000),
      ],
      heldBy(['a']),
    ],
    [
      'the reason of a refusal is gone, of one who holds a unit',
      [
        claim('a', 1),
        { ...pending('a', 20), claimId: 'id-later' },
        { ...status('a', 30, 'unavailable'), claimId: 'id-later' },
      ],
      heldBy(['a']),
    ],
    [
      'the reason of a refusal is gone, of a coupon that is not there',
      [pending('c', 1), status('c', 9, 'unavailable'), claim('b', 20, { status: 404, code: 'coupon_not_found' })],
      heldBy([]),
    ],
    [
      'pending again under a key, until a claim on another coupon exists under it',
      [
        ...[pendingKeyed(1), statusOfA(9, 'coupon_not_found'), create(15)],
        ...[pendingKeyed(20), statusOfA(30, 'pending'), keyed(31, { coupon: 'cold', claimId: 'id-a' })],
        { ...statusOfA(40, 'claimed'), coupon: 'cold' },
      ],
      {
        coupons: new Map([...heldBy([]).coupons, ['cold', { amount: 2, remaining: 1, issued: 1, version: 1 }]]),
        claims: heldBy(['a']).claims.map((claim) => ({ ...claim, coupon: 'cold' })),
      },
    ],
    [
      'pending again while a later request under the key waits for its own answer',
      [
        ...[pendingKeyed(1), status('a', 9, 'timed_out')],
        ...[keyed(20, { answeredAt: 60, claimId: 'id-a' }), status('a', 30, 'pending')],
      ],
      heldBy(['a']),
    ],
    ['nobody claims after the recovery', [mark('recovered', 0), claim('a', 20_000)], heldBy(['a'])],
    [
      'broken again before ten seconds',
      [mark('recovered', 0), lost('a', 1), mark('broken', 9_000), claim('a', 30_000)],
      heldBy(['a']),
    ],
  ];
  test.each(rows)('%s', (_, history, state) => {
    expect(describeViolations(checkHistory(history, state))).toBe('');
  });
});

describe('what breaks an invariant is found', () => {
  const sold = heldBy(['a', 'b']);
  const rows: [string, string, readonly HistoryRecord[], State][] = [
    ['I1', 'three hold two units', [claim('a', 1), claim('b', 1), claim('c', 1)], heldBy(['a', 'b', 'c'], -1)],
    [
      'I1 I3',
      'three hold two units, and the stock hides it',
      [claim('a', 1), claim('b', 1), claim('c', 1)],
      heldBy(['a', 'b', 'c'], 0),
    ],
    [
      'I2',
      'a user holds two',
      [claim('a', 1), claim('a', 2, { claimId: 'id-2' })],
      stateOf({}, [held('a'), held('a', { id: 'id-2' })]),
    ],
    ['I3', 'a unit is lost', [claim('a', 1)], heldBy(['a'], 0)],
    ['I3', 'a read does not add up', [claim('a', 1), read(9, 2, 1)], heldBy(['a'])],
    ['I3', 'a read misses a unit that was granted before', [claim('a', 1), read(9, 2, 0)], heldBy(['a'])],
    ['I3', 'a read misses what an earlier one said', [claim('a', 8), read(9, 1, 1), read(20, 2, 0)], heldBy(['a'])],
    ['I3', 'a read lists too many users', [claim('a', 1), read(9, 1, 1, { listed: 2 })], heldBy(['a'])],
    ['I3', 'a read lists too few users', [claim('a', 1), read(9, 1, 1, { listed: 0 })], heldBy(['a'])],
    ['I4', 'a 200 without a claim', [claim('a', 1)], heldBy([])],
    ['I4', 'a 200 without a claim id', [claim('a', 1, { status: 200 })], heldBy([])],
    ['I4 I6', "a 200 with another's claim", [claim('a', 1), claim('b', 1, { claimId: 'id-a' })], sold],
    ['I4', 'a claim that was said to stand', [status('a', 9, 'claimed')], heldBy([])],
    ['I4', 'a pending claim that was said to stand', [pending('a', 1), status('a', 9, 'claimed')], heldBy([])],
    ['I5', '409 to a user who holds nothing', [refused('a', 1, 'already_claimed')], heldBy([])],
    ['I5', '409 before the unit was asked for', [refused('a', 1, 'already_claimed'), claim('a', 20)], heldBy(['a'])],
    ['I5 I6', '409 to the claim that stands', [refused('a', 1, 'already_claimed')], heldBy(['a'])],
    [
      'I5 I6',
      '409 to the claim that stands, twice',
      [refused('a', 1, 'already_claimed'), refused('a', 9, 'already_claimed')],
      heldBy(['a']),
    ],
    ['I5 I6', 'out of stock to the claim that stands', [refused('a', 1, 'out_of_stock'), claim('b', 0)], sold],
    [
      'I5',
      'a key is refused, and its claim stands',
      [claim('a', 1, { key: 'k', claimId: 'id-a' }), claim('a', 9, { status: 409, code: 'already_claimed', key: 'k' })],
      heldBy(['a']),
    ],
    [
      'I5',
      'a pending claim is refused, and stands',
      [pending('a', 1), status('a', 9, 'already_claimed'), lost('a', 0)],
      heldBy(['a']),
    ],
    [
      'I5',
      'out of stock to a user who was answered that they have one',
      [claim('a', 1), claim('b', 1), refused('a', 20, 'out_of_stock')],
      sold,
    ],
    [
      'I5',
      'a key is called reused without another coupon',
      [keyed(1, { status: 422, code: 'idempotency_key_reused' })],
      heldBy([]),
    ],
    [
      'I5',
      'a key is called reused because another user sent it for another coupon',
      [
        claim('b', 1, { coupon: 'cold', status: 404, code: 'coupon_not_found', key: 'k' }),
        keyed(9, { status: 422, code: 'idempotency_key_reused' }),
      ],
      heldBy([]),
    ],
    [
      'I5',
      'a key is called reused for the coupon whose claim stands under it',
      [
        keyed(1, { claimId: 'id-a' }),
        keyed(9, { coupon: 'cold', status: 422, code: 'idempotency_key_reused' }),
        keyed(10, { status: 422, code: 'idempotency_key_reused' }),
      ],
      heldBy(['a']),
    ],
    [
      'I5 I8',
      'not found under a key whose claim stood before',
      [
        claim('a', 1, { key: 'k', claimId: 'id-a' }),
        claim('a', 9, { status: 404, code: 'coupon_not_found', key: 'k' }),
      ],
      heldBy(['a']),
    ],
    [
      'I5 I6',
      'not found, then created, and the unit is theirs all the same',
      [claim('a', 1, { status: 404, code: 'coupon_not_found' }), create(10)],
      heldBy(['a']),
    ],
    ['I6', 'a claim that nobody asked for', [claim('a', 1)], sold],
    ['I6', 'a claim whose request was not taken', [claim('a', 1, { status: 503, code: 'overloaded' })], heldBy(['a'])],
    [
      'I6',
      'a claim whose request was answered that nothing was done',
      [claim('a', 1, { status: 503, code: 'unavailable', done: 'nothing' })],
      heldBy(['a']),
    ],
    [
      'I6',
      'a claim answered as new twice',
      [claim('a', 1, { key: 'k', claimId: 'id-a' }), claim('a', 9, { key: 'k', claimId: 'id-a' })],
      heldBy(['a']),
    ],
    [
      'I6',
      'a claim answered as a replay alone',
      [claim('a', 1, { key: 'k', claimId: 'id-a', replayed: true })],
      heldBy(['a']),
    ],
    ['I7', 'a request without an end', [unanswered(claim('a', 1))], heldBy([])],
    ['I7', 'a read without an end', [claim('a', 1), { op: 'read', coupon: 'hot', invokedAt: 9 }], heldBy(['a'])],
    ['I7', 'a 202 that is never resolved', [pending('a', 1), status('a', 9, 'pending')], heldBy([])],
    ['I7', 'a 500', [claim('a', 1, { status: 500, code: 'internal_error' })], heldBy(['a'])],
    ['I7', 'a 503 that says nothing', [claim('a', 1, { status: 503 })], heldBy([])],
    [
      'I4 I8',
      'units remain, and enough users were answered that they have them',
      [claim('a', 1), claim('b', 1)],
      heldBy([]),
    ],
    [
      'I8',
      'a unit remains, and somebody went without',
      [claim('a', 1), refused('b', 2, 'out_of_stock')],
      heldBy(['a']),
    ],
    ['I8', 'a unit remains, and everybody was refused', [refused('a', 1, 'out_of_stock')], heldBy([])],
    [
      'I8',
      'out of stock before the last unit was asked for',
      [claim('a', 1), refused('c', 2, 'out_of_stock'), claim('b', 20)],
      sold,
    ],
    [
      'I8',
      'not found after it had been created',
      [create(0), claim('a', 9, { status: 404, code: 'coupon_not_found' })],
      heldBy([]),
    ],
    [
      'I8',
      'not found after it had been read',
      [read(0, 2, 0), claim('a', 9, { status: 404, code: 'coupon_not_found' })],
      heldBy([]),
    ],
    [
      'I9',
      'a recovery that takes too long',
      [mark('recovered', 0), claim('a', 1, { answeredAt: 10_100 })],
      heldBy(['a']),
    ],
    [
      'I9',
      'a gap long after the recovery',
      [mark('recovered', 0), claim('a', 100), claim('b', 101, { answeredAt: 10_200 })],
      sold,
    ],
    [
      'I9',
      'nothing but 503 after the recovery',
      [mark('recovered', 0), lost('a', 1), lost('a', 10_100)],
      heldBy(['a']),
    ],
  ];
  test.each(rows)('%s: %s', (invariants, _, history, state) => {
    expect(brokenBy(history, state)).toBe(invariants);
  });

  test('I7: an answer that took too long, where that is to be judged', () => {
    const slow = [claim('a', 0, { answeredAt: 6_000 })];
    expect(brokenBy(slow, heldBy(['a']), { answerMaxMs: 6_000 })).toBe('');
    expect(brokenBy(slow, heldBy(['a']), { answerMaxMs: 5_999 })).toBe('I7');
  });

  test('I9: a recovery may take as long as is allowed', () => {
    const slow = [mark('recovered', 0), claim('a', 1, { answeredAt: 10_100 })];
    expect(brokenBy(slow, heldBy(['a']), { recoveryMaxMs: 10_099 })).toBe('');
    expect(brokenBy(slow, heldBy(['a']), { recoveryMaxMs: 10_098 })).toBe('I9');
  });

  test('it is described with its invariant, what was expected, and its requests', () => {
    const [first] = [refused('a', 1, 'already_claimed')];
    const text = describeViolations(checkHistory([first as ClaimCall], heldBy([])));
    expect(text).toBe(
      `I5: 1 violation\n  a was refused "hot" (already_claimed), but holds no unit; a unit or out_of_stock expected\n    ${JSON.stringify(first)}`,
    );
  });
});

describe('every status of a claim is judged, not only the last', () => {
  /** A sentence, what it breaks, a history that breaks it, and its neighbour that breaks nothing. */
  interface Row {
    rule: string;
    broken: string;
    wrong: readonly HistoryRecord[];
    fine: readonly HistoryRecord[];
    held?: readonly string[];
  }
  const rows: Row[] = [
    {
      rule: 'a request that was answered `refused` is not granted later',
      broken: 'I5',
      wrong: [pending('a', 1), status('a', 9, 'coupon_not_found'), create(20), status('a', 30, 'claimed')],
      fine: [
        ...[pendingKeyed(1), status('a', 9, 'coupon_not_found'), create(20)],
        ...[pendingKeyed(30), status('a', 40, 'pending'), status('a', 50, 'claimed')],
      ],
      held: ['a'],
    },
    {
      rule: 'a request that was answered `refused` has no claim in the end, though no status says so',
      broken: 'I5 I6',
      wrong: [pendingKeyed(1), status('a', 9, 'timed_out'), keyed(20, { replayed: true })],
      fine: [pendingKeyed(1), status('a', 9, 'timed_out'), lostKeyed(20)],
      held: ['a'],
    },
    {
      rule: 'a later request that was refused or rejected can not have made the grant',
      broken: 'I5',
      wrong: [
        ...[pendingKeyed(1), status('a', 9, 'coupon_not_found')],
        ...[keyed(12, { status: 404, code: 'coupon_not_found' }), keyed(14, { status: 503, code: 'overloaded' })],
        ...[create(30), status('a', 40, 'claimed')],
      ],
      fine: [
        ...[pendingKeyed(1), status('a', 9, 'coupon_not_found')],
        ...[keyed(12, { status: 404, code: 'coupon_not_found' }), keyed(14, { status: 503, code: 'unavailable' })],
        ...[create(30), status('a', 40, 'claimed')],
      ],
      held: ['a'],
    },
    {
      rule: 'another key, or another user of it, can not have made the grant',
      broken: 'I5',
      wrong: [
        ...[pendingKeyed(1), statusOfA(9, 'coupon_not_found'), create(20)],
        ...[lost('a', 30, { key: 'other' }), lost('b', 31, { key: 'k' }), statusOfA(40, 'claimed')],
      ],
      fine: [pendingKeyed(1), statusOfA(9, 'coupon_not_found'), create(20), lostKeyed(30), statusOfA(40, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'a request that was still pending is not answered with an earlier refusal',
      broken: 'I5',
      wrong: [
        ...[pendingKeyed(1), status('a', 9, 'coupon_not_found')],
        ...[pendingKeyed(30), status('a', 40, 'coupon_not_found'), status('a', 50, 'claimed')],
      ],
      fine: [
        ...[pendingKeyed(1), status('a', 9, 'coupon_not_found'), create(20)],
        ...[pendingKeyed(30), status('a', 34, 'coupon_not_found'), status('a', 50, 'claimed')],
      ],
      held: ['a'],
    },
    {
      rule: 'a request that came too late can not have made the grant',
      broken: 'I5',
      wrong: [pendingKeyed(1), status('a', 9, 'timed_out'), status('a', 20, 'claimed'), lostKeyed(30)],
      fine: [pendingKeyed(1), status('a', 9, 'timed_out'), lostKeyed(19), status('a', 20, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'the one request that was refused is not granted because another came and was rejected',
      broken: 'I5',
      wrong: [
        ...[keyed(1, { status: 503, code: 'unavailable', claimId: 'id-a' }), status('a', 9, 'coupon_not_found')],
        ...[keyed(16, { status: 503, code: 'overloaded' }), status('a', 30, 'claimed')],
      ],
      fine: [
        ...[keyed(1, { status: 503, code: 'unavailable', claimId: 'id-a' }), status('a', 9, 'coupon_not_found')],
        ...[keyed(16, { status: 503, code: 'unavailable' }), status('a', 30, 'claimed')],
      ],
      held: ['a'],
    },
    {
      rule: 'what was answered pending is decided before a status is final; what was answered 503 may be decided later',
      broken: 'I5',
      wrong: [pendingKeyed(1), pendingKeyed(2), status('a', 9, 'timed_out'), status('a', 20, 'claimed')],
      fine: [
        ...[pendingKeyed(1), keyed(2, { status: 503, code: 'unavailable' })],
        ...[status('a', 9, 'timed_out'), status('a', 20, 'claimed')],
      ],
      held: ['a'],
    },
    {
      rule: 'what was answered pending is decided before a status is final; what was not answered may be decided later',
      broken: 'I5 I6',
      wrong: [pendingKeyed(1), pendingKeyed(2), status('a', 9, 'timed_out')],
      fine: [pendingKeyed(1), lostKeyed(2), status('a', 9, 'timed_out')],
      held: ['a'],
    },
    {
      rule: 'where a unit was out of stock, no later request gets it: nothing is given back',
      broken: 'I5',
      wrong: [
        ...[claim('b', 0), pendingKeyed(1), status('a', 9, 'out_of_stock')],
        ...[lostKeyed(12), status('a', 20, 'claimed')],
      ],
      fine: [
        ...[claim('b', 0), pendingKeyed(1), status('a', 9, 'timed_out')],
        ...[lostKeyed(12), status('a', 20, 'claimed')],
      ],
      held: ['a', 'b'],
    },
    {
      rule: 'a claim that was answered `claimed` is not refused later',
      broken: 'I5',
      wrong: [pendingKeyed(1), status('a', 9, 'claimed'), lostKeyed(15), status('a', 20, 'timed_out')],
      fine: [pendingKeyed(1), status('a', 9, 'claimed'), lostKeyed(15), status('a', 20, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'a claim that was answered 200 is not refused later',
      broken: 'I5',
      wrong: [keyed(1, {}), lostKeyed(2), lostKeyed(3), status('a', 20, 'timed_out')],
      fine: [keyed(1, {}), lostKeyed(2), lostKeyed(3), status('a', 20, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'a claim that was answered `claimed` is not pending later',
      broken: 'I7',
      wrong: [pendingKeyed(1), status('a', 9, 'claimed'), pendingKeyed(15), status('a', 20, 'pending')],
      fine: [pendingKeyed(1), status('a', 9, 'pending'), pendingKeyed(15), status('a', 20, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'a claim does not change hands',
      broken: 'I4 I6',
      wrong: [pending('a', 1), { ...statusOfA(9, 'claimed'), user: 'b' }],
      fine: [pending('a', 1), statusOfA(9, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'one refusal does not become another without another request',
      broken: 'I7',
      wrong: [pendingKeyed(1), status('a', 9, 'coupon_not_found'), status('a', 20, 'timed_out')],
      fine: [pendingKeyed(1), status('a', 9, 'coupon_not_found'), lostKeyed(15), status('a', 20, 'timed_out')],
    },
    {
      rule: 'one refusal becomes another only where another request was answered with that one',
      broken: 'I7',
      wrong: [
        ...[pendingKeyed(1), status('a', 9, 'timed_out')],
        ...[keyed(12, { status: 404, code: 'coupon_not_found' }), status('a', 20, 'unavailable')],
      ],
      fine: [
        ...[pendingKeyed(1), status('a', 9, 'timed_out')],
        ...[keyed(12, { status: 404, code: 'coupon_not_found' }), status('a', 20, 'coupon_not_found')],
      ],
    },
    {
      rule: 'a refused claim is pending again only where another request was sent',
      broken: 'I7',
      wrong: [
        ...[pendingKeyed(1), status('a', 9, 'timed_out'), keyed(12, { status: 503, code: 'overloaded' })],
        ...[status('a', 20, 'pending'), status('a', 30, 'timed_out')],
      ],
      fine: [
        ...[pendingKeyed(1), status('a', 9, 'timed_out'), pendingKeyed(15)],
        ...[status('a', 20, 'pending'), status('a', 30, 'timed_out')],
      ],
    },
    {
      rule: 'a status that was read when a request was answered 202 may belong to an earlier request with its key',
      broken: 'I5 I8',
      wrong: [
        ...[pendingKeyed(1), create(2), pendingKeyed(20)],
        ...[status('a', 26, 'coupon_not_found'), status('a', 40, 'claimed')],
      ],
      fine: [
        ...[pendingKeyed(1), create(2), pendingKeyed(20)],
        ...[status('a', 25, 'coupon_not_found'), status('a', 40, 'claimed')],
      ],
      held: ['a'],
    },
    {
      rule: 'a refused claim is not unknown within an hour',
      broken: 'I7',
      wrong: [pending('a', 1), status('a', 9, 'timed_out'), statusNotFound('a', HOUR - 10)],
      fine: [pending('a', 1), status('a', 9, 'timed_out'), statusNotFound('a', HOUR)],
    },
    {
      rule: 'a refusal that was answered late is kept for an hour since it was pending',
      broken: 'I7',
      wrong: [
        pending('a', 1),
        status('a', HOUR, 'pending'),
        status('a', HOUR + 9, 'timed_out'),
        statusNotFound('a', 2 * HOUR - 10),
      ],
      fine: [
        pending('a', 1),
        status('a', 20, 'pending'),
        status('a', HOUR + 9, 'timed_out'),
        statusNotFound('a', 2 * HOUR - 10),
      ],
    },
    {
      rule: 'a claim that was answered `claimed` is never unknown',
      broken: 'I7',
      wrong: [pending('a', 1), status('a', 9, 'claimed'), statusNotFound('a', 2 * HOUR)],
      fine: [pending('a', 1), status('a', 9, 'claimed'), status('a', 2 * HOUR, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'a claim whose request was answered 202 is not unknown, also where it is answered again',
      broken: 'I7',
      wrong: [pending('a', 1), statusNotFound('a', 9), status('a', 20, 'claimed')],
      fine: [pending('a', 1), statusNotFound('a', 4), status('a', 20, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'of two statuses that were read at the same time, each may have been first, but both must be possible',
      broken: 'I5',
      wrong: [
        ...[pendingKeyed(1), status('a', 9, 'claimed'), lostKeyed(30)],
        ...[{ ...status('a', 8, 'timed_out'), answeredAt: 16 }],
      ],
      fine: [
        ...[pendingKeyed(1), status('a', 9, 'claimed'), lostKeyed(8)],
        ...[{ ...status('a', 8, 'timed_out'), answeredAt: 16 }],
      ],
      held: ['a'],
    },
    {
      rule: 'a refusal whose job is gone is as final as any other',
      broken: 'I5',
      wrong: [pending('a', 1), status('a', 9, 'unavailable'), status('a', 20, 'claimed')],
      fine: [pending('a', 1), claim('b', 2, { status: 503, code: 'unavailable' }), status('a', 20, 'claimed')],
      held: ['a'],
    },
    {
      rule: 'a caller who was answered only that their job was lost has no claim under another id',
      broken: 'I5 I6',
      wrong: [pending('a', 1), status('a', 9, 'unavailable')].map((record) => ({ ...record, claimId: 'id-other' })),
      fine: [
        ...[pending('a', 1), status('a', 9, 'unavailable')].map((record) => ({ ...record, claimId: 'id-other' })),
        lost('a', 2),
      ],
      held: ['a'],
    },
    {
      rule: 'each refusal is held against the stock, also where a later request got a unit',
      broken: 'I8',
      wrong: [
        ...[create(0), pendingKeyed(10), status('a', 20, 'coupon_not_found')],
        ...[pendingKeyed(30), status('a', 40, 'claimed')],
      ],
      fine: [
        ...[create(18), pendingKeyed(10), status('a', 20, 'coupon_not_found')],
        ...[pendingKeyed(30), status('a', 40, 'claimed')],
      ],
      held: ['a'],
    },
  ];
  test.each(rows)('$rule', ({ broken, wrong, fine, held = [] }) => {
    expect(describeViolations(checkHistory(fine, heldBy(held)))).toBe('');
    expect(brokenBy(wrong, heldBy(held))).toBe(broken);
  });

  test('a claim that was not decided in time says nothing of the stock', () => {
    const late = [claim('a', 1), pending('b', 2), status('b', 9, 'timed_out')];
    expect(brokenBy(late, heldBy(['a']))).toBe('');
    expect(brokenBy([...late.slice(0, 2), status('b', 9, 'out_of_stock')], heldBy(['a']))).toBe('I8');
  });

  test('a claim that was not decided in time says neither that its coupon is there, nor that the user holds none', () => {
    const missing = claim('c', 30, { status: 404, code: 'coupon_not_found' });
    expect(brokenBy([pending('a', 1), status('a', 9, 'timed_out'), missing], heldBy([]))).toBe('');
    const second = [
      { ...pending('a', 20), claimId: 'id-2' },
      { ...status('a', 30, 'timed_out'), claimId: 'id-2' },
    ];
    expect(brokenBy([claim('a', 1), ...second], heldBy(['a']))).toBe('');
  });

  test('a claim whose id no answer to a request names may be of each request that was not answered', () => {
    const statuses = [statusOfA(9, 'timed_out'), statusOfA(20, 'claimed')];
    expect(brokenBy([lostKeyed(1), lostKeyed(15), ...statuses], heldBy(['a']))).toBe('');
    expect(brokenBy([lost('a', 1), lostKeyed(15), ...statuses], heldBy(['a']))).toBe('I5');
    expect(brokenBy([lostKeyed(1), lost('a', 15), ...statuses], heldBy(['a']))).toBe('I5');
    expect(brokenBy([lost('a', 1), lost('a', 15), ...statuses], heldBy(['a']))).toBe('I5');
  });

  test('it is described with what was said, what was expected, and the requests under the key', () => {
    const [call, refusal, grant] = [pending('a', 1), status('a', 9, 'timed_out'), status('a', 20, 'claimed')];
    expect(describeViolations(checkHistory([call, refusal, grant], heldBy(['a'])))).toBe(
      [
        'I5: 1 violation',
        '  the claim id-a was refused (timed_out), and then claimed; no change without a later request of that user expected',
        ...[refusal, grant, call].map((record) => `    ${JSON.stringify(record)}`),
      ].join('\n'),
    );
  });
});
