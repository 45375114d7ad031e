import { checkHistory, describeViolations, type HistoryRecord, type State } from '@flashclaim/audit';
import { describe, expect, test } from 'vitest';
import {
  brokenBy,
  change,
  claim,
  create,
  ended,
  held,
  heldBy,
  keyed,
  list,
  lost,
  lostKeyed,
  pending,
  pendingKeyed,
  read,
  refused,
  release,
  stateOf,
  status,
  statusNotFound,
  unknown,
} from '../support/history-records.ts';

/** A sentence, what it breaks, a history that breaks it, and its neighbour that breaks nothing. */
interface Row {
  rule: string;
  broken: string;
  wrong: readonly HistoryRecord[];
  fine: readonly HistoryRecord[];
  state?: State;
  /** The state of the wrong history, where it differs. */
  wrongState?: State;
}

const judge = ({ broken, wrong, fine, state = heldBy(['a']), wrongState = state }: Row) => {
  expect(describeViolations(checkHistory(fine, state, { databaseClockErrorMs: 1 }))).toBe('');
  expect(brokenBy(wrong, wrongState, { databaseClockErrorMs: 1 })).toBe(broken);
};

const again = (user: string, at: number, more = {}) => claim(user, at, { claimId: `id-${user}2`, ...more });
const heldAgain = (user: string, more = {}) => held(user, { id: `id-${user}2`, ...more });

describe('releases', () => {
  const rows: Row[] = [
    {
      rule: 'a claim whose release was answered 200 is not live in the end',
      broken: 'I4',
      wrong: [claim('a', 1), release('a', 10)],
      fine: [claim('a', 1), unknown(release('a', 10))],
    },
    {
      rule: 'a release of a claim that does not exist is not answered 200',
      broken: 'I4',
      wrong: [claim('a', 1), release('b', 10)],
      fine: [claim('a', 1), release('b', 10, { status: 404, code: 'not_found' })],
    },
    {
      rule: 'a claim is released only where a caller requested it',
      broken: 'I4',
      wrong: [claim('a', 1), release('a', 4, { status: 409, code: 'claim_pending' })],
      fine: [claim('a', 1), unknown(release('a', 10))],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'a claim is not both live and ended',
      broken: 'I4',
      wrong: [claim('a', 1)],
      fine: [claim('a', 1)],
      wrongState: stateOf({}, [held('a', { endedAt: 5 })]),
    },
    {
      rule: 'a claim that ended has a time of its end',
      broken: 'I4',
      wrong: [claim('a', 1), release('a', 10)],
      fine: [claim('a', 1), release('a', 10)],
      state: stateOf({}, [ended('a')]),
      wrongState: stateOf({}, [ended('a', { endedAt: undefined })]),
    },
    {
      rule: 'a release is not answered 404 where an earlier answer had the claim',
      broken: 'I5',
      wrong: [claim('a', 1), release('a', 10, { status: 404, code: 'not_found' })],
      fine: [claim('a', 1), release('a', 4, { status: 404, code: 'not_found' })],
    },
    {
      rule: 'a release is answered claim_pending only while the claim can be undecided',
      broken: 'I5',
      wrong: [pending('a', 1), status('a', 9, 'claimed'), release('a', 20, { status: 409, code: 'claim_pending' })],
      fine: [pending('a', 1), release('a', 9, { status: 409, code: 'claim_pending' }), status('a', 20, 'claimed')],
    },
    {
      rule: 'the end of a claim has one time, however often it is released',
      broken: 'I4',
      wrong: [claim('a', 1), release('a', 10, { endedAt: 12 }), release('a', 20, { endedAt: 22 })],
      fine: [claim('a', 1), release('a', 10, { endedAt: 12 }), release('a', 20, { endedAt: 12 })],
      state: stateOf({}, [ended('a', { endedAt: 12 })]),
    },
    {
      rule: 'a release that is repeated returns one unit',
      broken: 'I3',
      wrong: [claim('a', 1), release('a', 10), release('a', 20)],
      fine: [claim('a', 1), release('a', 10), release('a', 20)],
      state: stateOf({}, [ended('a')]),
      wrongState: stateOf({ remaining: 3 }, [ended('a')]),
    },
    {
      rule: 'a claim that was released is not granted again under its key',
      broken: 'I4',
      wrong: [keyed(1, { claimId: 'id-a' }), release('a', 10), keyed(20, { claimId: 'id-a', replayed: true })],
      fine: [keyed(1, { claimId: 'id-a' }), release('a', 10), keyed(20, { status: 409, code: 'claim_released' })],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'a released claim that its own job grants again is found in the end',
      broken: 'I1 I4',
      wrong: [claim('a', 1, { sequence: 1 }), release('a', 10)],
      fine: [claim('a', 1, { sequence: 1 }), release('a', 10)],
      state: stateOf({}, [ended('a')]),
      wrongState: stateOf({ issued: 2 }, [held('a', { sequence: 2 })]),
    },
    {
      rule: 'claim_released is true',
      broken: 'I5',
      wrong: [keyed(1, { claimId: 'id-a' }), keyed(9, { status: 409, code: 'claim_released' }), release('a', 20)],
      fine: [keyed(1, { claimId: 'id-a' }), keyed(9, { status: 409, code: 'claim_released' }), release('a', 14)],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'claim_released comes before every other refusal',
      broken: 'I5',
      wrong: [keyed(1, { claimId: 'id-a' }), release('a', 9), keyed(20, { status: 409, code: 'already_claimed' })],
      fine: [keyed(1, { claimId: 'id-a' }), release('a', 9), keyed(20, { status: 409, code: 'claim_released' })],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'after a release the user is not refused as a holder',
      broken: 'I5',
      wrong: [claim('a', 1), release('a', 9), refused('a', 20, 'already_claimed')],
      fine: [claim('a', 1), release('a', 9), refused('a', 14, 'already_claimed')],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'a user who claims again is not refused as out of stock',
      broken: 'I5',
      wrong: [claim('a', 1), release('a', 9), again('a', 20), claim('b', 21), refused('a', 30, 'out_of_stock')],
      fine: [claim('a', 1), release('a', 9), again('a', 20), claim('b', 21), refused('a', 30, 'already_claimed')],
      state: stateOf({}, [ended('a'), heldAgain('a'), held('b')]),
    },
    {
      rule: 'a user has the next unit only after the release of the one before',
      broken: 'I2',
      wrong: [claim('a', 1), again('a', 10), release('a', 20)],
      fine: [claim('a', 1), again('a', 10), release('a', 15)],
      state: stateOf({}, [ended('a'), heldAgain('a')]),
    },
    {
      rule: 'a unit that a released user claims again is not lost',
      broken: 'I3',
      wrong: [claim('a', 1), release('a', 10), again('a', 20)],
      fine: [claim('a', 1), release('a', 10), again('a', 20)],
      state: stateOf({}, [ended('a'), heldAgain('a')]),
      wrongState: stateOf({ remaining: 0 }, [ended('a'), heldAgain('a')]),
    },
    {
      rule: 'no user is refused after a unit was returned',
      broken: 'I8',
      wrong: [claim('a', 1), claim('b', 1), release('a', 10), refused('c', 16, 'out_of_stock')],
      fine: [claim('a', 1), claim('b', 1), release('a', 10), refused('c', 15, 'out_of_stock')],
      state: stateOf({}, [ended('a'), held('b')]),
    },
    {
      rule: 'a read contains a release that was answered before',
      broken: 'I3',
      wrong: [claim('a', 1), release('a', 10), read(20, 1, 1)],
      fine: [claim('a', 1), release('a', 10), read(15, 1, 1), read(20, 2, 0)],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'a read misses a unit only where its release was requested',
      broken: 'I3',
      wrong: [claim('a', 1), read(9, 2, 0), release('a', 20)],
      fine: [claim('a', 1), read(9, 2, 0), release('a', 14)],
      state: stateOf({}, [ended('a')]),
    },
  ];
  test.each(rows)('$rule', judge);
});

describe('statuses of released claims', () => {
  const rows: Row[] = [
    {
      rule: 'a claim becomes released only where that was requested',
      broken: 'I4',
      wrong: [pending('a', 1), status('a', 9, 'claimed'), status('a', 20, 'released'), release('a', 30)],
      fine: [pending('a', 1), status('a', 9, 'claimed'), status('a', 20, 'released'), release('a', 25)],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'a released claim is not claimed later',
      broken: 'I4',
      wrong: [pending('a', 1), release('a', 9), status('a', 20, 'claimed')],
      fine: [pending('a', 1), release('a', 9), status('a', 14, 'claimed')],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'a released claim is never unknown',
      broken: 'I7',
      wrong: [pending('a', 1), release('a', 9), status('a', 20, 'released'), statusNotFound('a', 9_000_000)],
      fine: [pending('a', 1), release('a', 9), status('a', 20, 'released'), status('a', 9_000_000, 'released')],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'a request that was refused has no claim, also where that is released',
      broken: 'I5',
      wrong: [
        pendingKeyed(1),
        status('a', 9, 'timed_out'),
        status('a', 20, 'released'),
        release('a', 19),
        lostKeyed(30),
      ],
      fine: [
        pendingKeyed(1),
        status('a', 9, 'timed_out'),
        status('a', 20, 'released'),
        release('a', 19),
        lostKeyed(15),
      ],
      state: stateOf({}, [ended('a')]),
    },
    {
      rule: 'where a unit was out of stock, a later request gets it only once one is returned',
      broken: 'I1 I5',
      wrong: [
        ...[claim('b', 0), claim('c', 0), pendingKeyed(1), status('a', 9, 'out_of_stock')],
        ...[lostKeyed(12), status('a', 20, 'claimed'), release('b', 30)],
      ],
      fine: [
        ...[claim('b', 0), claim('c', 0), pendingKeyed(1), status('a', 9, 'out_of_stock')],
        ...[lostKeyed(12), status('a', 20, 'claimed'), release('b', 10)],
      ],
      state: stateOf({}, [ended('b'), held('c'), held('a')]),
    },
  ];
  test.each(rows)('$rule', judge);
});

describe('sequence numbers', () => {
  const rows: Row[] = [
    {
      rule: 'no number is given twice',
      broken: 'I1',
      wrong: [claim('a', 1, { sequence: 1 }), claim('b', 9, { sequence: 1 })],
      fine: [claim('a', 1, { sequence: 1 }), claim('b', 9, { sequence: 2 })],
      state: heldBy(['a', 'b']),
    },
    {
      rule: 'no two claims in the database have the same number',
      broken: 'I1',
      wrong: [claim('a', 1), claim('b', 9)],
      fine: [claim('a', 1), claim('b', 9)],
      state: heldBy(['a', 'b']),
      wrongState: stateOf({ issued: 1 }, [held('a', { sequence: 1 }), held('b', { sequence: 1 })]),
    },
    {
      rule: 'no number is left out',
      broken: 'I1',
      wrong: [claim('a', 1), claim('b', 9)],
      fine: [claim('a', 1), claim('b', 9)],
      state: heldBy(['a', 'b']),
      wrongState: stateOf({ issued: 3 }, [held('a', { sequence: 1 }), held('b', { sequence: 3 })]),
    },
    {
      rule: 'no number is beyond the last one of the coupon',
      broken: 'I1',
      wrong: [claim('a', 1), claim('b', 9)],
      fine: [claim('a', 1), claim('b', 9)],
      state: heldBy(['a', 'b']),
      wrongState: stateOf({ issued: 1 }, [held('a'), held('b')]),
    },
    {
      rule: 'every answer about a claim has its number',
      broken: 'I1',
      wrong: [claim('a', 1, { sequence: 1 }), { ...status('a', 9, 'claimed'), sequence: 2 }],
      fine: [claim('a', 1, { sequence: 1 }), { ...status('a', 9, 'claimed'), sequence: 1 }],
    },
    {
      rule: 'every answer about a claim has its time',
      broken: 'I4',
      wrong: [claim('a', 1, { claimedAt: 7 })],
      fine: [claim('a', 1, { claimedAt: 0 })],
    },
    {
      rule: 'numbers are in the order of the grants',
      broken: 'I1',
      wrong: [claim('b', 1), claim('a', 9)],
      fine: [claim('b', 1), claim('a', 6)],
      state: heldBy(['a', 'b']),
    },
    {
      rule: 'units that were granted and not returned fit into the amount at any time',
      broken: 'I1',
      wrong: [claim('a', 1), claim('b', 2), claim('c', 10), release('a', 20)],
      fine: [claim('a', 1), claim('b', 2), claim('c', 10), release('a', 15)],
      state: stateOf({}, [ended('a'), held('b'), held('c')]),
    },
  ];
  test.each(rows)('$rule', judge);
});

const closed = (user: string, at: number, reason: string) =>
  claim(user, at, { status: 403, code: 'sale_not_open', reason });
const paused = change(10, { paused: true }, { version: 2 });
const resumed = change(30, { paused: false }, { version: 3 });

describe('windows and pauses', () => {
  const open = stateOf({ version: 3 }, [held('a')]);
  const rows: Row[] = [
    {
      rule: 'no claim is granted during a pause',
      broken: 'I5',
      wrong: [create(0), paused, claim('a', 16), resumed],
      fine: [create(0), paused, claim('a', 15), resumed],
      state: open,
    },
    {
      rule: 'a claim is granted once the pause may be over',
      broken: 'I5',
      wrong: [create(0), paused, claim('a', 24), resumed],
      fine: [create(0), paused, claim('a', 25), resumed],
      state: open,
    },
    {
      rule: 'a pause whose answer was lost closes nothing for certain',
      broken: 'I5',
      wrong: [create(0), paused, claim('a', 16), resumed],
      fine: [create(0), unknown(paused), claim('a', 16), resumed],
      state: open,
    },
    {
      rule: 'a claim of the pause that was sent before it may be granted',
      broken: 'I5',
      wrong: [create(0), paused, claim('a', 16, { key: 'k' }), resumed],
      fine: [create(0), paused, lost('a', 1, { key: 'k' }), claim('a', 16, { key: 'k', replayed: true }), resumed],
      state: open,
    },
    {
      rule: 'a window is compared with the time of the claim',
      broken: 'I5',
      wrong: [create(0), change(10, { startsAt: 100 }, { version: 2 }), claim('a', 90)],
      fine: [create(0), change(10, { startsAt: 100 }, { version: 2 }), claim('a', 90)],
      state: stateOf({ version: 2, startsAt: 100 }, [held('a', { claimedAt: 100 })]),
      wrongState: stateOf({ version: 2, startsAt: 100 }, [held('a', { claimedAt: 99 })]),
    },
    {
      rule: 'no claim is granted at the end of the window',
      broken: 'I5',
      wrong: [{ ...create(0), endsAt: 100 }, claim('a', 90)],
      fine: [{ ...create(0), endsAt: 100 }, claim('a', 90)],
      state: stateOf({ endsAt: 100 }, [held('a', { claimedAt: 99 })]),
      wrongState: stateOf({ endsAt: 100 }, [held('a', { claimedAt: 100 })]),
    },
    {
      rule: 'no claim is refused as paused before the pause or after it',
      broken: 'I5',
      wrong: [create(0), claim('a', 1), closed('b', 4, 'paused'), paused, resumed, closed('c', 36, 'paused')],
      fine: [create(0), claim('a', 1), closed('b', 5, 'paused'), paused, resumed, closed('c', 35, 'paused')],
      state: open,
    },
    {
      rule: 'no claim is refused as not started once the sale has started',
      broken: 'I5',
      wrong: [{ ...create(0), startsAt: 100 }, closed('b', 101, 'not_started')],
      fine: [{ ...create(0), startsAt: 100 }, closed('b', 100, 'not_started')],
      state: stateOf({ startsAt: 100 }, []),
    },
    {
      rule: 'no claim is refused as ended before the sale has ended',
      broken: 'I5',
      wrong: [{ ...create(0), endsAt: 100 }, closed('b', 93, 'ended')],
      fine: [{ ...create(0), endsAt: 100 }, closed('b', 94, 'ended')],
      state: stateOf({ endsAt: 100 }, []),
    },
    {
      rule: 'no claim is refused by a window that the coupon never had',
      broken: 'I5',
      wrong: [create(0), closed('b', 9, 'ended')],
      fine: [create(0), closed('b', 9, 'ended'), change(14, { endsAt: 5 }, { status: 503, code: 'unavailable' })],
      state: stateOf({ version: 2, endsAt: 5 }, []),
    },
    {
      rule: 'a pause comes before out of stock, and before the start',
      broken: 'I5',
      wrong: [create(0), claim('a', 1), claim('b', 1), paused, refused('c', 16, 'out_of_stock')],
      fine: [create(0), claim('a', 1), claim('b', 1), paused, closed('c', 16, 'paused')],
      state: stateOf({ version: 2, paused: true }, [held('a'), held('b')]),
    },
  ];
  test.each(rows)('$rule', judge);

  test('without the error of the clock, no refusal is compared with the time', () => {
    const history = [{ ...create(0), startsAt: 100 }, closed('b', 900, 'not_started')];
    expect(brokenBy(history, stateOf({ startsAt: 100 }, []))).toBe('');
    const atZero = { databaseClockErrorMs: 1, databaseTimeAtZeroMs: -801 };
    expect(brokenBy(history, stateOf({ startsAt: 100 }, []), atZero)).toBe('');
    expect(brokenBy(history, stateOf({ startsAt: 100 }, []), { ...atZero, databaseTimeAtZeroMs: -799 })).toBe('I5');
  });
});

describe('changes of settings', () => {
  const rows: Row[] = [
    {
      rule: 'nobody is refused after more units were added',
      broken: 'I8',
      wrong: [create(0), claim('a', 6), claim('b', 6), change(20, { amount: 3 }), refused('c', 26, 'out_of_stock')],
      fine: [create(0), claim('a', 6), claim('b', 6), change(20, { amount: 3 }), refused('c', 25, 'out_of_stock')],
      state: stateOf({ amount: 3, version: 2 }, [held('a'), held('b')]),
    },
    {
      rule: 'the amount does not fall below the units that are granted',
      broken: 'I1',
      wrong: [create(0), claim('a', 6), claim('b', 6), change(20, { amount: 1 }), release('a', 30)],
      fine: [create(0), claim('a', 6), claim('b', 6), change(20, { amount: 1 }), release('a', 25)],
      state: stateOf({ amount: 1, version: 2 }, [ended('a'), held('b')]),
    },
    {
      rule: 'amount_below_claimed is true',
      broken: 'I5',
      wrong: [create(0), claim('a', 6), change(20, { amount: 1 }, { status: 409, code: 'amount_below_claimed' })],
      fine: [
        ...[create(0), claim('a', 6), claim('b', 25)],
        change(20, { amount: 1 }, { status: 409, code: 'amount_below_claimed' }),
      ],
      wrongState: heldBy(['a']),
      state: heldBy(['a', 'b']),
    },
    {
      rule: 'the settings in the end are those of the last change',
      broken: 'I4',
      wrong: [create(0), change(10, { amount: 3 }), change(20, { amount: 4 })],
      fine: [create(0), change(10, { amount: 3 }), change(15, { amount: 4 })],
      state: stateOf({ amount: 3, version: 3 }, []),
    },
    {
      rule: 'a pause lasts',
      broken: 'I4',
      wrong: [create(0), paused],
      fine: [create(0), paused, unknown(resumed)],
      state: stateOf({ version: 3 }, []),
    },
    {
      rule: 'two changes of the same version are not both made',
      broken: 'I4',
      wrong: [
        create(0),
        change(10, { amount: 3, version: 1 }, { version: 2 }),
        change(11, { paused: true, version: 1 }, { version: 2 }),
      ],
      fine: [
        create(0),
        change(10, { amount: 3, version: 1 }, { version: 2 }),
        change(11, { paused: true, version: 2 }, { version: 3 }),
      ],
      wrongState: stateOf({ amount: 3, version: 2, paused: true }, []),
      state: stateOf({ amount: 3, version: 3, paused: true }, []),
    },
    {
      rule: 'two different changes make two versions',
      broken: 'I4',
      wrong: [create(0), change(10, { amount: 3 }, { version: 2 }), change(11, { amount: 4 }, { version: 2 })],
      fine: [create(0), change(10, { amount: 3 }, { version: 2 }), change(11, { amount: 3 }, { version: 2 })],
      state: stateOf({ amount: 3, version: 2 }, []),
    },
    {
      rule: 'a later change makes no earlier version',
      broken: 'I4',
      wrong: [create(0), change(10, { amount: 3 }, { version: 3 }), change(20, { paused: true }, { version: 2 })],
      fine: [create(0), change(10, { amount: 3 }, { version: 3 }), change(15, { paused: true }, { version: 2 })],
      state: stateOf({ amount: 3, version: 3, paused: true }, []),
    },
    {
      rule: 'a change makes the version after the expected one',
      broken: 'I4',
      wrong: [create(0), change(10, { amount: 3, version: 1 }, { version: 3 })],
      fine: [create(0), change(10, { amount: 3, version: 2 }, { version: 3 })],
      state: stateOf({ amount: 3, version: 3 }, []),
    },
    {
      rule: 'version_conflict is true',
      broken: 'I5',
      wrong: [create(0), change(10, { amount: 3, version: 1 }, { status: 409, code: 'version_conflict' })],
      fine: [create(0), change(10, { amount: 3, version: 2 }, { status: 409, code: 'version_conflict' })],
      state: stateOf({}, []),
    },
    {
      rule: 'a coupon that was seen is not unknown to a change',
      broken: 'I8',
      wrong: [create(0), change(10, { amount: 3 }, { status: 404, code: 'coupon_not_found' })],
      fine: [create(0), change(4, { amount: 3 }, { status: 404, code: 'coupon_not_found' })],
      state: stateOf({}, []),
    },
    {
      rule: 'a read has the amount of the last change',
      broken: 'I3',
      wrong: [create(0), change(10, { amount: 3 }, { version: 2 }), read(20, 2, 0)],
      fine: [create(0), change(10, { amount: 3 }, { version: 2 }), read(15, 2, 0)],
      state: stateOf({ amount: 3, version: 2 }, []),
    },
    {
      rule: 'a read has the version of the last change',
      // Or the change was lost.
      broken: 'I3 I4',
      wrong: [create(0), change(10, { paused: true }, { version: 2 }), read(20, 2, 0, { version: 1 })],
      fine: [create(0), change(10, { paused: true }, { version: 2 }), read(20, 2, 0, { version: 2 })],
      state: stateOf({ paused: true, version: 2 }, []),
    },
    {
      rule: 'a read of a coupon that is open has units',
      broken: 'I3',
      wrong: [create(0), claim('a', 6), claim('b', 6), read(20, 0, 2, { state: 'open' })],
      fine: [create(0), claim('a', 6), claim('b', 6), read(20, 0, 2, { state: 'sold_out' })],
      state: heldBy(['a', 'b']),
    },
    {
      rule: 'a change or a release ends with a documented answer',
      broken: 'I7',
      wrong: [create(0), change(10, { paused: true }, { status: 500 }), release('a', 10, { status: 409 })],
      fine: [create(0), change(10, { paused: true }, { status: 503, code: 'unavailable', done: 'nothing' })],
      state: stateOf({}, []),
    },
    {
      rule: 'a change whose answer was lost may have been made, but not where its version was never there',
      broken: 'I4',
      wrong: [create(0), unknown(change(10, { amount: 3 }))],
      fine: [create(0), unknown(change(10, { amount: 3 }))],
      state: stateOf({ amount: 3, version: 2 }, []),
      wrongState: stateOf({ amount: 3, version: 1 }, []),
    },
  ];
  test.each(rows)('$rule', judge);
});

describe('lists', () => {
  const sold = [create(0), claim('a', 6), claim('b', 7)];
  const row = (rule: string, wrong: HistoryRecord, fine: HistoryRecord, ...more: HistoryRecord[]): Row => ({
    ...{ rule, broken: 'I3', wrong: [...sold, ...more, wrong], fine: [...sold, ...more, fine] },
    state: more.length > 0 ? stateOf({}, [ended('a'), held('b')]) : heldBy(['a', 'b']),
  });
  const both = [['id-a'], ['id-b']];
  const rows: Row[] = [
    row('a walk shows every claim that was there before it', list(20, [['id-a'], []]), list(12, [['id-a'], []])),
    row('a walk that broke shows a part', list(20, [['id-a']]), list(20, [['id-a']], { error: 'socket hang up' })),
    row('a walk shows no claim twice', list(20, [['id-a', 'id-b'], ['id-b']]), list(20, both)),
    row('a walk is in the order of the numbers', list(20, [['id-b'], ['id-a']]), list(20, both)),
    row('a walk shows no other claims', list(20, [...both, ['id-c']]), list(20, both)),
    row(
      'a walk shows no claims of other coupons',
      list(20, both, { coupon: 'cold' }),
      list(20, [], { coupon: 'cold' }),
    ),
    row(
      'a list of live claims misses a released one, but no other',
      list(20, [[]], { only: 'claimed' }),
      list(20, [['id-b']], { only: 'claimed' }),
      release('a', 13),
    ),
    row(
      'a list of released claims shows what was released before',
      list(20, [[]], { only: 'released' }),
      list(20, [['id-a']], { only: 'released' }),
      release('a', 13),
    ),
    row(
      'a list of live claims shows none that was released before',
      list(20, [['id-a', 'id-b']], { only: 'claimed' }),
      list(18, [['id-a', 'id-b']], { only: 'claimed' }),
      release('a', 13),
    ),
    row(
      'a list of a user shows its claims',
      list(20, [[]], { of: 'user', user: 'a' }),
      list(20, [['id-a']], { of: 'user', user: 'a' }),
    ),
    row(
      'a list of coupons shows each once',
      list(20, [['hot'], ['hot']], { of: 'coupons', prefix: 'h' }),
      list(20, [['hot']], { of: 'coupons', prefix: 'h' }),
    ),
    row(
      'a list of coupons shows each with the prefix',
      list(20, [[]], { of: 'coupons', prefix: 'h' }),
      list(20, [[]], { of: 'coupons', prefix: 'c' }),
    ),
  ];
  test.each(rows)('$rule', judge);
});
