import {
  type Claim,
  type Decision,
  decideClaims,
  type ExistingClaim,
  grantsOf,
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
  existing: Standing;
  holds: boolean;
  left: number;
}

const standingMap = (existing: Standing, requestId?: string): Snapshot['existing'] => {
  if (existing === 'nobody') return new Map();
  const stands = claim('id', existing === 'same' ? 'user' : 'another');
  return new Map([['id', { ...stands, requestId, claimedAt: 1 }]]);
};

const snapshotOf = ({ exists, existing, holds, left }: Facts, requestId?: string): Snapshot => ({
  remaining: new Map(exists ? [['coupon', left]] : []),
  existing: standingMap(existing, requestId),
  holders: new Map(holds ? [['coupon', new Set(['user'])]] : []),
});

describe('precedence', () => {
  // Each row adds the facts that would lead to a later outcome as well: the first rule that applies must win.
  const rows: [Decision, Facts][] = [
    ['idempotency_key_reused', { exists: false, existing: 'another', holds: true, left: 0 }],
    ['coupon_not_found', { exists: false, existing: 'same', holds: true, left: 0 }],
    ['replayed', { exists: true, existing: 'same', holds: true, left: 0 }],
    ['already_claimed', { exists: true, existing: 'nobody', holds: true, left: 0 }],
    ['out_of_stock', { exists: true, existing: 'nobody', holds: false, left: 0 }],
    ['claimed', { exists: true, existing: 'nobody', holds: false, left: 1 }],
  ];

  test.each(rows)('%s', (expected, facts) => {
    expect(decideClaims(snapshotOf(facts), [claim('id')])).toEqual([expected]);
    const keyed = { ...claim('id'), requestId: 'request' };
    expect(decideClaims(snapshotOf(facts, 'an earlier request'), [keyed])).toEqual([expected]);
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

/** A little store that runs jobs one after the other, as a lane does. */
const runJobs = (stock: ReadonlyMap<string, number>, jobs: readonly (readonly Claim[])[]) => {
  const remaining = new Map(stock);
  const existing = new Map<string, ExistingClaim>();
  const decisions = jobs.map((job) => {
    const holders = new Map<string, Set<string>>();
    for (const { couponName, userId } of existing.values())
      holders.set(couponName, (holders.get(couponName) ?? new Set()).add(userId));
    const snapshot = { remaining: new Map(remaining), existing: new Map(existing), holders };
    const decided = decideClaims(snapshot, job);
    for (const one of grantsOf(snapshot, job, decided)) {
      // Two units under one id would be a duplicate key, and the job could never be committed.
      expect(existing.has(one.id)).toBe(false);
      existing.set(one.id, { ...one, claimedAt: 1 });
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
