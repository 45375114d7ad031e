import {
  CLOSED_REASONS,
  type Claim,
  type ClosedReason,
  type CountedDecision,
  type CouponChanges,
  changesOf,
  countedAs,
  type Decision,
  decideClaims,
  type ExistingClaim,
  OUTCOMES,
  type Snapshot,
} from '@flashclaim/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const claim = (id: string, userId = 'user', couponName = 'coupon'): Claim => ({ id, userId, couponName });

/** Who holds a unit under the id that is asked for: nobody, the same user, or another one. */
type Standing = 'nobody' | 'same' | 'another';

interface Facts {
  exists: boolean;
  /** Whether the existing claim was released. */
  released?: boolean;
  closed?: ClosedReason;
  existing: Standing;
  holds: boolean;
  left: number;
}

const standingMap = ({ existing, released }: Facts, requestId?: string): Snapshot['existing'] => {
  if (existing === 'nobody') return new Map();
  const stands = claim('id', existing === 'same' ? 'user' : 'another');
  return new Map([['id', { ...stands, requestId, sequence: 1, claimedAt: 1, ...(released && { endedAt: 2 }) }]]);
};

const snapshotOf = (facts: Facts, requestId?: string): Snapshot => {
  const { exists, closed, holds, left } = facts;
  return {
    remaining: new Map(exists ? [['coupon', left]] : []),
    closed: new Map(closed ? [['coupon', closed]] : []),
    existing: standingMap(facts, requestId),
    holders: new Map(holds ? [['coupon', new Set(['user'])]] : []),
  };
};

describe('precedence', () => {
  // Each row adds the facts that would lead to a later outcome as well: the first rule that applies must win.
  const CLOSED: Facts = { exists: true, existing: 'nobody', closed: 'paused', holds: true, left: 0 };
  const rows: [CountedDecision, Facts][] = [
    ['idempotency_key_reused', { ...CLOSED, exists: false, existing: 'another', released: true }],
    ['coupon_not_found', { ...CLOSED, exists: false, existing: 'same', released: true }],
    ['replayed', { ...CLOSED, existing: 'same' }],
    ['claim_released', { ...CLOSED, existing: 'same', released: true }],
    ['already_claimed', CLOSED],
    ['sale_not_open', { ...CLOSED, holds: false }],
    ['out_of_stock', { exists: true, existing: 'nobody', holds: false, left: 0 }],
    ['claimed', { exists: true, existing: 'nobody', holds: false, left: 1 }],
  ];

  const decide = (snapshot: Snapshot, one: Claim) => decideClaims(snapshot, [one]).map(countedAs);

  test.each(rows)('%s', (expected, facts) => {
    expect(decide(snapshotOf(facts), claim('id'))).toEqual([expected]);
    const keyed = { ...claim('id'), requestId: 'request' };
    expect(decide(snapshotOf(facts, 'an earlier request'), keyed)).toEqual([expected]);
  });

  test.each(CLOSED_REASONS)('a coupon that is closed says why: %s', (closed) => {
    expect(decideClaims(snapshotOf({ ...CLOSED, holds: false, closed }), [claim('id')])).toEqual([closed]);
  });

  test('the rows are all the decisions, in the order of the dictionary', () => {
    expect(['invalid_request', ...rows.map(([decision]) => decision)]).toEqual(OUTCOMES);
  });
});

describe('an idempotency key', () => {
  const keyed = (requestId: string, userId = 'user', couponName = 'coupon'): Claim => ({
    ...claim('id', userId, couponName),
    requestId,
  });
  const fresh = snapshotOf({ exists: true, existing: 'nobody', holds: false, left: 2 });
  const existing = snapshotOf({ exists: true, existing: 'same', holds: true, left: 2 }, 'first');

  test('tells the request that made the claim from those that repeat it', () => {
    expect(decideClaims(existing, [keyed('first'), keyed('second')])).toEqual(['claimed', 'replayed']);
    expect(grantsOf(existing, [keyed('first')], ['claimed'])).toEqual([]);
  });

  test('makes one claim of the requests of one job', () => {
    const batch = [keyed('first'), keyed('second'), keyed('first')];
    const decisions = decideClaims(fresh, batch);
    expect(decisions).toEqual(['claimed', 'replayed', 'replayed']);
    expect(grantsOf(fresh, batch, decisions)).toEqual([keyed('first')]);
  });

  test.each([
    ['another user', keyed('second', 'another')],
    ['another coupon', keyed('second', 'user', 'other')],
    ['a coupon that is not there', keyed('second', 'user', 'missing')],
  ])('is not used again for %s', (_, second) => {
    const other: [string, number] = ['other', 5];
    const withOther = (snapshot: Snapshot) => ({ ...snapshot, remaining: new Map([...snapshot.remaining, other]) });
    expect(decideClaims(withOther(existing), [second])).toEqual(['idempotency_key_reused']);
    expect(decideClaims(withOther(fresh), [keyed('first'), second])).toEqual(['claimed', 'idempotency_key_reused']);
  });

  test('keeps nothing of a refusal: the next claim under it may be any', () => {
    const empty = snapshotOf({ exists: true, existing: 'nobody', holds: false, left: 0 });
    const batch = [keyed('first'), keyed('second', 'another'), keyed('third', 'user', 'other')];
    const remaining = new Map([...empty.remaining, ['other', 1] as const]);
    expect(decideClaims({ ...empty, remaining }, batch)).toEqual(['out_of_stock', 'out_of_stock', 'claimed']);
  });
});

describe('claims of one job see each other', () => {
  const fresh = snapshotOf({ exists: true, existing: 'nobody', holds: false, left: 2 });

  test('the same user twice holds one unit', () => {
    expect(decideClaims(fresh, [claim('1'), claim('2')])).toEqual(['claimed', 'already_claimed']);
  });

  test('the same claim id twice is one claim', () => {
    expect(decideClaims(fresh, [claim('1'), claim('1')])).toEqual(['claimed', 'replayed']);
  });

  test('units go in the order of the claims', () => {
    const users = ['c', 'a', 'b'].map((user) => claim(user, user));
    expect(decideClaims(fresh, users)).toEqual(['claimed', 'claimed', 'out_of_stock']);
  });

  test('the same user may hold a unit of each coupon', () => {
    const both = { ...fresh, remaining: new Map([...fresh.remaining, ['other', 1]]) };
    expect(decideClaims(both, [claim('1'), claim('2', 'user', 'other')])).toEqual(['claimed', 'claimed']);
  });
});

describe('a release', () => {
  const release = (id: string, userId = 'user'): Claim => ({ ...claim(id, userId), operation: 'release' });
  const held = snapshotOf({ exists: true, existing: 'same', holds: true, left: 0 });

  test('returns the unit to the claims after it, and its user may claim again', () => {
    const list = [claim('before', 'other'), release('id'), claim('again'), claim('after', 'other')];
    const decisions = decideClaims(held, list);
    expect(decisions).toEqual(['out_of_stock', 'released', 'claimed', 'out_of_stock']);
    const { granted, released } = changesOf(held, list, decisions).get('coupon') as CouponChanges;
    expect(granted.map(({ id }) => id)).toEqual(['again']);
    expect(released.map(({ claim: { id }, afterGrants }) => [id, afterGrants])).toEqual([['id', 0]]);
  });

  test('that is repeated returns the unit once', () => {
    const list = [release('id'), release('id'), claim('1', 'a'), claim('2', 'b')];
    const decisions = decideClaims(held, list);
    expect(decisions).toEqual(['released', 'released', 'claimed', 'out_of_stock']);
    expect(changesOf(held, list, decisions).get('coupon')?.released).toHaveLength(1);
    const ended = snapshotOf({ exists: true, existing: 'same', released: true, holds: false, left: 0 });
    expect(decideClaims(ended, [release('id'), claim('1', 'a')])).toEqual(['released', 'out_of_stock']);
    expect(changesOf(ended, [release('id')], ['released']).size).toBe(0);
  });

  test('ends its claim: a retry of the claim in the same list is refused', () => {
    expect(decideClaims(held, [claim('id'), release('id'), claim('id')])).toEqual([
      'replayed',
      'released',
      'claim_released',
    ]);
  });

  test('works while the coupon is closed', () => {
    const paused = { ...held, closed: new Map([['coupon', 'paused' as const]]) };
    expect(decideClaims(paused, [release('id'), claim('1', 'a')])).toEqual(['released', 'paused']);
  });

  test('of no claim, or of a claim whose coupon does not exist any more, changes nothing', () => {
    expect(decideClaims(held, [release('unknown')])).toEqual(['claim_not_found']);
    const gone = snapshotOf({ exists: false, existing: 'same', holds: false, left: 0 });
    expect(decideClaims(gone, [release('id')])).toEqual(['claim_not_found']);
    const earlier = new Map([['id', { ...(held.existing.get('id') as ExistingClaim), ofEarlierCoupon: true }]]);
    expect(decideClaims({ ...held, existing: earlier }, [release('id')])).toEqual(['claim_not_found']);
  });
});

const grantsOf = (...list: Parameters<typeof changesOf>): Claim[] =>
  [...changesOf(...list).values()].flatMap(({ granted }) => granted);

/** A little store that runs jobs one after the other, as a lane does. */
const runJobs = (stock: ReadonlyMap<string, number>, jobs: readonly (readonly Claim[])[]) => {
  const remaining = new Map(stock);
  const existing = new Map<string, ExistingClaim>();
  const decisions = jobs.map((job) => {
    const holders = new Map<string, Set<string>>();
    for (const { couponName, userId } of existing.values())
      holders.set(couponName, (holders.get(couponName) ?? new Set()).add(userId));
    const snapshot = { remaining: new Map(remaining), closed: new Map(), existing: new Map(existing), holders };
    const decided = decideClaims(snapshot, job);
    for (const one of grantsOf(snapshot, job, decided)) {
      // Two units under one id would be a duplicate key, and the job could never be committed.
      expect(existing.has(one.id)).toBe(false);
      existing.set(one.id, { ...one, sequence: 1, claimedAt: 1 });
      remaining.set(one.couponName, (remaining.get(one.couponName) ?? 0) - 1);
    }
    return decided;
  });
  return { decisions, granted: [...existing.values()], remaining };
};

describe('properties', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'missing');
  const users = fc.integer({ min: 0, max: 12 }).map((n) => `user-${n}`);
  /** Some claims come under a key, of which there are few, so that they meet. */
  const keys = fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined });
  const jobs = fc.array(fc.array(fc.tuple(users, names, keys), { maxLength: 20 }), { maxLength: 8 }).map((lists) => {
    let count = 0;
    return lists.map((list) =>
      list.map(([user, name, key]): Claim => {
        const request = `${count++}`;
        return key === undefined
          ? claim(`claim-${request}`, user, name)
          : { ...claim(`key-${key}`, user, name), requestId: `request-${request}` };
      }),
    );
  });
  const stock = fc.record({ a: fc.nat(6), b: fc.nat(6), c: fc.nat(30) }).map((units) => new Map(Object.entries(units)));

  test('never more than the stock, never two for a user, never a unit left while somebody goes without', () => {
    fc.assert(
      fc.property(stock, jobs, (units, list) => {
        const { decisions, granted, remaining } = runJobs(units, list);
        for (const [name, amount] of units) {
          const holders = granted.filter((one) => one.couponName === name).map((one) => one.userId);
          expect(holders.length).toBeLessThanOrEqual(amount);
          expect(new Set(holders).size).toBe(holders.length);
          const refused = list
            .flat()
            .filter((one, i) => one.couponName === name && decisions.flat()[i] === 'out_of_stock');
          if (refused.length > 0) expect(remaining.get(name)).toBe(0);
        }
        expect(granted.every((one) => units.has(one.couponName))).toBe(true);
        expect(decisions.flat().filter((decision) => decision === 'claimed')).toHaveLength(granted.length);
      }),
      { numRuns: 500 },
    );
  });

  test('an id is one claim: whoever is answered that they have it does, and nobody who has it is refused', () => {
    fc.assert(
      fc.property(stock, jobs, (units, list) => {
        const { decisions, granted } = runJobs(units, list);
        list.flat().forEach((one, i) => {
          const stands = granted.find((other) => other.id === one.id);
          const same = stands?.userId === one.userId && stands.couponName === one.couponName;
          const decision = decisions.flat()[i] as Decision;
          if (decision === 'claimed' || decision === 'replayed') expect(same).toBe(true);
          if (decision === 'idempotency_key_reused') expect(stands && !same).toBe(true);
        });
      }),
      { numRuns: 500 },
    );
  });

  test('a job that runs again grants nothing new, refuses nobody who holds a unit, and tells every request the same', () => {
    fc.assert(
      fc.property(stock, jobs, fc.nat(), (units, list, pick) => {
        const at = pick % Math.max(1, list.length);
        const again = list[at] ?? [];
        const once = runJobs(units, list);
        const twice = runJobs(units, [...list, again]);
        expect(twice.granted).toEqual(once.granted);
        again.forEach((one, index) => {
          const stands = once.granted.find((other) => other.id === one.id);
          const same = stands?.userId === one.userId && stands.couponName === one.couponName;
          const decision = twice.decisions.at(-1)?.[index];
          expect(decision === 'replayed' || decision === 'claimed').toBe(same);
          const first = once.decisions[at]?.[index];
          if (one.requestId !== undefined && first === 'claimed') expect(decision).toBe('claimed');
          if (first === 'replayed') expect(decision).toBe('replayed');
        });
      }),
      { numRuns: 500 },
    );
  });
});
