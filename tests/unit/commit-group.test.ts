import type { Claim, ClaimJobResult } from '@flashclaim/core';
import { decodeDecision, encodeDecisions, JOB_CLAIMS_MAX } from '@flashclaim/core';
import { CommitGroup } from '@flashclaim/worker';
import { describe, expect, test } from 'vitest';

const jobOf = (...ids: string[]): Claim[] => ids.map((id) => ({ id, userId: id, couponName: `coupon of ${id}` }));

const held = async () => true;

/** A group over a transaction that says `replayed` at a time of its own for each claim, so that none can be mistaken. */
const newGroup = (refuse: (claims: readonly Claim[]) => boolean = () => false) => {
  const transactions: string[][] = [];
  const group = new CommitGroup(async (claims) => {
    transactions.push(claims.map(({ id }) => id));
    await new Promise((resolve) => setImmediate(resolve));
    if (refuse(claims)) throw new Error('refused');
    const replayedAt = Object.fromEntries(claims.map(({ id }, index) => [index, Number(id)]));
    return { decisions: encodeDecisions(claims.map(() => 'replayed')), at: 0, replayedAt };
  });
  return { group, transactions };
};

const timesOf = (result: ClaimJobResult, claims: readonly Claim[]) =>
  claims.map((_, index) => `${decodeDecision(result, index).claimedAt}`);

describe('a group of jobs', () => {
  test('what comes together or meanwhile shares a transaction, and each job gets its own part', async () => {
    const { group, transactions } = newGroup();
    const jobs = [jobOf('1', '2'), jobOf('3'), jobOf('4', '5', '6')];
    const results = await Promise.all(jobs.map((claims) => group.add(claims, held)));
    expect(transactions).toEqual([['1', '2', '3', '4', '5', '6']]);
    expect(results.map((result, index) => timesOf(result, jobs[index] as Claim[]))).toEqual([
      ['1', '2'],
      ['3'],
      ['4', '5', '6'],
    ]);
    expect(results.map(({ decisions }) => decisions.length)).toEqual([2, 1, 3]);
  });

  test('a transaction holds a bounded number of claims', async () => {
    const { group, transactions } = newGroup();
    const big = jobOf(...Array.from({ length: JOB_CLAIMS_MAX }, (_, i) => `${i}`));
    await Promise.all([group.add(big, held), group.add(jobOf('x'), held), group.add(jobOf('y'), held)]);
    expect(transactions.map((ids) => ids.length)).toEqual([JOB_CLAIMS_MAX, 2]);
  });

  test('one job that fails takes no other along', async () => {
    const { group, transactions } = newGroup((claims) => claims.some(({ id }) => id === '2'));
    const results = await Promise.allSettled(
      [jobOf('1'), jobOf('2'), jobOf('3')].map((claims) => group.add(claims, held)),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(transactions).toEqual([['1', '2', '3'], ['1'], ['2'], ['3']]);
  });

  test('a job alone is tried once', async () => {
    const { group, transactions } = newGroup(() => true);
    await expect(group.add(jobOf('1'), held)).rejects.toThrow('refused');
    expect(transactions).toEqual([['1']]);
  });
});
