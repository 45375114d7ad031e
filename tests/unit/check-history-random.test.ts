import { checkHistory, describeViolations, type StatusCall } from '@flashclaim/audit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brokenBy, held } from '../support/history-records.ts';
import { longPlan, plainPlan, plan, sale, withLosses } from '../support/model-plans.ts';
import { BUGS, type Bug, ModelSale, type Planned } from '../support/model-sale.ts';

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
