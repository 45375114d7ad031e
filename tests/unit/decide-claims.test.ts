import { type Claim, type Decision, decideClaims, OUTCOMES, type Snapshot } from '@flashclaim/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const claim = (id: string, userId = 'user', couponName = 'coupon'): Claim => ({ id, userId, couponName });

interface Facts {
  exists: boolean;
  standing: boolean;
  holds: boolean;
  left: number;
}

const snapshotOf = ({ exists, standing, holds, left }: Facts): Snapshot => ({
  remaining: new Map(exists ? [['coupon', left]] : []),
  standing: new Set(standing ? ['id'] : []),
  holders: new Map(holds ? [['coupon', new Set(['user'])]] : []),
});

describe('precedence', () => {
  // Each row adds the facts that would lead to a later outcome as well: the first rule that applies must win.
  const rows: [Decision, Facts][] = [
    ['coupon_not_found', { exists: false, standing: true, holds: true, left: 0 }],
    ['replayed', { exists: true, standing: true, holds: true, left: 0 }],
    ['already_claimed', { exists: true, standing: false, holds: true, left: 0 }],
    ['out_of_stock', { exists: true, standing: false, holds: false, left: 0 }],
    ['claimed', { exists: true, standing: false, holds: false, left: 1 }],
  ];

  test.each(rows)('%s', (expected, facts) => {
    expect(decideClaims(snapshotOf(facts), [claim('id')])).toEqual([expected]);
  });

  test('the rows are all the decisions, in the order of the dictionary', () => {
    expect(['invalid_request', ...rows.map(([decision]) => decision)]).toEqual(OUTCOMES);
  });
});

describe('claims of one job see each other', () => {
  const fresh = snapshotOf({ exists: true, standing: false, holds: false, left: 2 });

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
  const granted = new Map<string, Claim>();
  const decisions = jobs.map((job) => {
    const holders = new Map<string, Set<string>>();
    for (const { couponName, userId } of granted.values())
      holders.set(couponName, (holders.get(couponName) ?? new Set()).add(userId));
    const decided = decideClaims({ remaining, standing: new Set(granted.keys()), holders }, job);
    job.forEach((one, index) => {
      if (decided[index] !== 'claimed') return;
      granted.set(one.id, one);
      remaining.set(one.couponName, (remaining.get(one.couponName) ?? 0) - 1);
    });
    return decided;
  });
  return { decisions, granted: [...granted.values()], remaining };
};

describe('properties', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'missing');
  const users = fc.integer({ min: 0, max: 12 }).map((n) => `user-${n}`);
  const jobs = fc.array(fc.array(fc.tuple(users, names), { maxLength: 20 }), { maxLength: 8 }).map((lists) => {
    let count = 0;
    return lists.map((list) => list.map(([user, name]) => claim(`claim-${count++}`, user, name)));
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
      }),
      { numRuns: 500 },
    );
  });

  test('a job that runs again grants nothing new and refuses nobody who holds a unit', () => {
    fc.assert(
      fc.property(stock, jobs, fc.nat(), (units, list, pick) => {
        const again = list[pick % Math.max(1, list.length)] ?? [];
        const once = runJobs(units, list);
        const twice = runJobs(units, [...list, again]);
        expect(twice.granted).toEqual(once.granted);
        again.forEach((one, index) => {
          const holds = once.granted.some((other) => other.id === one.id);
          expect(twice.decisions.at(-1)?.[index] === 'replayed').toBe(holds);
        });
      }),
      { numRuns: 500 },
    );
  });
});
