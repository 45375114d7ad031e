import type { ClaimResult } from '@flashclaim/sale/call-results.ts';
import { describeVerdict, judgeSale, type SaleFacts } from '@flashclaim/sale/judge-sale.ts';
import { expect, test } from 'vitest';

/** The answer to a claim of user `a` that was sent at this time is `claim('a', 10, 'claimed')`. */
const claim = (user: string, sentAt: number, outcome: ClaimResult['outcome'], more: Partial<ClaimResult> = {}) => ({
  ...{ kind: 'claim' as const, user, due: sentAt, sentAt, answeredAt: sentAt + 5, status: 200, outcome },
  ...(outcome === 'claimed' && { claimId: `id-${user}` }),
  ...more,
});

/** Of two units. */
const heldBy = (...users: string[]) => ({ remaining: 2 - users.length, claimed: users.length, users });
const noUsers = { remaining: 0, claimed: 2 };
const opening = { from: 100, by: 110 };
const refusal = 'out_of_stock' as const;

/** A sale, and how many units or users are wrong in it: oversold, double, false refusals, lost. */
const ROWS: [string, Omit<SaleFacts, 'amount'>, number[]][] = [
  [
    'a retry that is granted again is the same unit',
    { claims: [claim('a', 1, 'claimed', { key: 'k' }), claim('a', 9, 'claimed', { key: 'k' })], coupon: heldBy('a') },
    [0, 0, 0, 0],
  ],
  [
    'without claim ids, a retry under its key is the same unit, and another request is not',
    {
      claims: ['k', 'k', undefined].map((key) => claim('a', 1, 'claimed', { key, claimId: undefined })),
      coupon: heldBy('a', 'a'),
    },
    [0, 1, 0, 0],
  ],
  [
    'a retry of a granted claim is refused',
    {
      claims: [claim('a', 1, 'claimed', { key: 'k' }), claim('a', 9, 'already_claimed', { key: 'k' })],
      coupon: heldBy('a'),
    },
    [0, 0, 1, 0],
  ],
  [
    'a user without a unit is refused as its holder',
    { claims: [claim('a', 1, 'already_claimed')], coupon: heldBy() },
    [0, 0, 1, 0],
  ],
  [
    'a user whose other answer is missing may hold the unit',
    { claims: [claim('a', 1, 'unknown'), claim('a', 9, 'already_claimed')], coupon: heldBy('a') },
    [0, 0, 0, 0],
  ],
  [
    'a user who is refused holds a unit',
    { claims: [claim('a', 1, refusal), claim('b', 1, 'claimed')], coupon: heldBy('a', 'b') },
    [0, 0, 1, 0],
  ],
  [
    'a user gets an unexpected answer, although a unit is left',
    { claims: [claim('a', 1, 'failed'), claim('b', 1, 'claimed')], coupon: heldBy('b') },
    [0, 0, 1, 0],
  ],
  [
    'a user is refused although a unit is left',
    { claims: [claim('a', 1, refusal), claim('b', 1, 'claimed')], coupon: heldBy('b') },
    [0, 0, 1, 0],
  ],
  [
    'a user is refused although the server lists no user for a unit',
    { claims: [claim('a', 1, refusal), claim('b', 1, 'claimed')], coupon: { ...noUsers, users: ['b'] } },
    [0, 0, 1, 0],
  ],
  ['an existing coupon is not found', { claims: [claim('a', 1, 'coupon_not_found')], coupon: heldBy() }, [0, 0, 1, 0]],
  [
    'a pending claim is granted in the end, and lost',
    { claims: [claim('a', 1, 'pending', { decided: 'claimed', claimId: 'id' })], coupon: heldBy() },
    [0, 0, 0, 1],
  ],
  [
    'without a list of users the counts show what is lost',
    { claims: ['a', 'b', 'c'].map((user) => claim(user, 1, 'claimed')), coupon: noUsers },
    [1, 0, 0, 1],
  ],
  [
    'a unit is granted before the sale opens',
    { claims: [claim('a', 50, 'claimed')], coupon: heldBy('a'), opening },
    [1, 0, 0, 0],
  ],
  [
    'a caller is refused as too early, rightly before the sale opens and wrongly after it',
    { claims: [claim('a', 50, 'sale_not_open'), claim('b', 120, 'sale_not_open')], coupon: heldBy(), opening },
    [0, 0, 1, 0],
  ],
];

test.each(ROWS)('%s', (_, facts, [oversold = 0, double = 0, falseRefusals = 0, lost = 0]) => {
  const expected = describeVerdict({ oversold, double, falseRefusals, lost });
  expect(describeVerdict(judgeSale({ amount: 2, ...facts }))).toBe(expected);
});
