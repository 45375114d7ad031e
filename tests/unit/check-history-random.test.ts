import { checkHistory, describeViolations, type HistoryRecord, type StatusCall } from '@flashclaim/audit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brokenBy, held } from '../support/history-records.ts';
import { BUGS, type Bug, COUPONS, type Fate, ModelSale, type Planned } from '../support/model-sale.ts';

const LONGEST = 60;
const coupon = fc.constantFrom(COUPONS[0], COUPONS[0], COUPONS[1]);
const times = { waits: fc.nat(8), takes: fc.nat(8) };
const fate = fc.constantFrom<Fate>(
  ...(['answered', 'answered', 'answered', 'answered', 'answered'] as const),
  ...(['lost', 'unavailable', 'pending', 'overloaded', 'dropped'] as const),
);
const time = fc.option(fc.integer({ min: 1, max: LONGEST }));
const set = fc.oneof(
  fc.record({ amount: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ paused: fc.boolean() }),
  fc.record({ startsAt: time }),
  fc.record({ endsAt: time, paused: fc.boolean() }),
);
const claim = fc.record({
  ...{ kind: fc.constant('claim' as const), user: fc.nat(6), coupon, key: fc.option(fc.nat(1), { nil: undefined }) },
  ...{ fate, asks: fc.array(fc.nat(12), { maxLength: 3 }), ...times },
});
const release = fc.record({ kind: fc.constant('release' as const), of: fc.nat(LONGEST), fate, ...times });
const change = fc.record({
  kind: fc.constant('change' as const),
  coupon,
  set,
  isVersioned: fc.boolean(),
  fate,
  ...times,
});
const read = fc.record({ kind: fc.constant('read' as const), coupon, ...times });
const only = fc.constantFrom('claimed' as const, 'released' as const, undefined);
const list = fc.record({ kind: fc.constant('list' as const), coupon, only, ...times });

const sale = fc.record({ amount: fc.integer({ min: 1, max: 8 }), createdAt: fc.nat(9) });
const plainPlan = fc.array<Planned>(fc.oneof({ weight: 5, arbitrary: claim }, read), { maxLength: 40 });
const planned = fc.oneof(
  { weight: 8, arbitrary: claim },
  { weight: 4, arbitrary: release },
  { weight: 2, arbitrary: change },
  { weight: 1, arbitrary: read },
  { weight: 1, arbitrary: list },
);
const plan = fc.array<Planned>(planned, { maxLength: LONGEST });
const longPlan = fc.array<Planned>(planned, { minLength: LONGEST / 2, maxLength: LONGEST });

/** The same history where some answers were lost, and some reads were not recorded. */
const withLosses = (history: readonly HistoryRecord[], isLost: (index: number) => boolean): HistoryRecord[] =>
  history.flatMap((record, index): HistoryRecord[] => {
    if (!isLost(index)) return [record];
    const { op, invokedAt } = record;
    const lost = { invokedAt, answeredAt: invokedAt + 1_000, error: 'socket hang up' };
    if (op === 'claim') {
      const { user, coupon, key } = record;
      return [{ op, user, coupon, ...(key !== undefined && { key }), ...lost }];
    }
    if (op === 'release') return [{ op, claimId: record.claimId, ...lost }];
    if (op === 'settings') return [{ op, coupon: record.coupon, set: record.set, ...lost }];
    return op === 'status' ? [record] : [];
  });

const check = (one: ModelSale) => checkHistory(one.history, one.state, { databaseClockErrorMs: 1 });

describe('whatever the sale', () => {
  test('a correct system has no violation', () => {
    for (const requests of [plainPlan, plan, longPlan])
      fc.assert(
        fc.property(sale, requests, (created, requests) => {
          expect(describeViolations(check(new ModelSale(created, requests)))).toBe('');
        }),
        { numRuns: 1_000 },
      );
  });

  test('nor has one where callers lost some of the answers', () => {
    fc.assert(
      fc.property(sale, longPlan, fc.array(fc.boolean(), { minLength: 7 }), (created, requests, losses) => {
        const { history, state } = new ModelSale(created, requests);
        const seen = withLosses(history, (index) => losses[index % losses.length] as boolean);
        expect(describeViolations(checkHistory(seen, state, { databaseClockErrorMs: 1 }))).toBe('');
      }),
      { numRuns: 1_000 },
    );
  });

  test.each(BUGS)('a system with a bug is found: %s', (bug: Bug) => {
    const found = fc.check(
      fc.property(sale, longPlan, (created, requests) => check(new ModelSale(created, requests, bug)).length === 0),
      { numRuns: 2_000 },
    );
    expect(found.failed).toBe(true);
  });

  test('a claim that is taken away, and a unit too many, are always found', () => {
    fc.assert(
      fc.property(sale, plainPlan, fc.nat(), (created, requests, pick) => {
        const { history, state } = new ModelSale(created, requests);
        fc.pre(state.claims.length > 0);
        const at = pick % state.claims.length;
        const taken = { ...state, claims: state.claims.filter((_, i) => i !== at) };
        expect(brokenBy(history, taken)).toMatch(/I1.*I3/);
        const more = { ...state, claims: [...state.claims, { ...held('nobody'), sequence: 1_000 }] };
        expect(brokenBy(history, more)).toMatch(/I1.*I3.*I6/);
      }),
    );
  });

  test('a claim that was released is always found if it is live in the end', () => {
    fc.assert(
      fc.property(sale, plan, (created, requests) => {
        const { history, state } = new ModelSale(created, requests);
        const answered = new Set(
          history.flatMap((record) => (record.op === 'release' && record.status === 200 ? [record.claimId] : [])),
        );
        const revived = state.claims.map((one) =>
          answered.has(one.id) ? { ...one, live: true, endedAt: undefined } : one,
        );
        fc.pre(answered.size > 0);
        expect(brokenBy(history, { ...state, claims: revived })).toMatch(/I3.*I4/);
      }),
    );
  });

  test('where every request was answered, a last status that says something else is always found', () => {
    fc.assert(
      fc.property(sale, plainPlan, fc.nat(), (created, requests, pick) => {
        const isAnswered = (one: Planned) => !('fate' in one && ['lost', 'unavailable', 'dropped'].includes(one.fate));
        const { history, state } = new ModelSale(created, requests.filter(isAnswered));
        const finals = history.filter((record) => record.op === 'status').filter(({ code }) => code !== 'pending');
        fc.pre(finals.length > 0);
        const last = { ...(finals[pick % finals.length] as StatusCall), invokedAt: 1_000, answeredAt: 1_001 };
        expect(brokenBy([...history, { ...last, code: 'timed_out' }], state)).toMatch(/I5|I7/);
        expect(brokenBy([...history, { ...last, code: 'pending' }], state)).toContain('I7');
        expect(brokenBy([...history, { ...last, status: 404, code: 'not_found' }], state)).toContain('I7');
      }),
    );
  });
});
