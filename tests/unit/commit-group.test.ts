import { type ClaimJobResult, decodeResult, encodeDecisions, JOB_CLAIMS_MAX, type Job } from '@flashclaim/core';
import { CommitGroup } from '@flashclaim/worker';
import { describe, expect, test } from 'vitest';

const jobOf = (...ids: string[]): Job => ({
  id: `job-${ids[0]}`,
  deadline: 1,
  claims: ids.map((id) => ({ id, userId: id, couponName: `coupon of ${id}` })),
});

/** A group over a transaction that says `replayed` at a time of its own for each claim, so that none can be mistaken. */
const newGroup = (refuse: (ids: readonly string[]) => boolean = () => false) => {
  const transactions: string[][] = [];
  const group = new CommitGroup(async (jobs) => {
    const ids = jobs.flatMap(({ claims }) => claims.map(({ id }) => id));
    transactions.push(ids);
    await new Promise((resolve) => setImmediate(resolve));
    if (refuse(ids)) throw new Error('refused');
    return new Map(jobs.map((job) => [job.id, resultOf(job)]));
  });
  return { group, transactions };
};

const resultOf = ({ claims }: Job): ClaimJobResult => ({
  decisions: encodeDecisions(claims.map(() => 'replayed')),
  units: Object.fromEntries(claims.map(({ id }, index) => [index, [1, Number(id)]])),
});

const timesOf = (result: ClaimJobResult, { claims }: Job) =>
  decodeResult(result, claims).map(({ claimedAt }) => `${claimedAt}`);

describe('a group of jobs', () => {
  test('what comes together or meanwhile shares a transaction, and each job gets its own part', async () => {
    const { group, transactions } = newGroup();
    const jobs = [jobOf('1', '2'), jobOf('3'), jobOf('4', '5', '6')];
    const results = await Promise.all(jobs.map((job) => group.add(job)));
    expect(transactions).toEqual([['1', '2', '3', '4', '5', '6']]);
    expect(results.map((result, index) => timesOf(result, jobs[index] as Job))).toEqual([
      ['1', '2'],
      ['3'],
      ['4', '5', '6'],
    ]);
    expect(results.map(({ decisions }) => decisions.length)).toEqual([2, 1, 3]);
  });

  test('a transaction holds a bounded number of claims', async () => {
    const { group, transactions } = newGroup();
    const big = jobOf(...Array.from({ length: JOB_CLAIMS_MAX }, (_, i) => `${i}`));
    await Promise.all([group.add(big), group.add(jobOf('x')), group.add(jobOf('y'))]);
    expect(transactions.map((ids) => ids.length)).toEqual([JOB_CLAIMS_MAX, 2]);
  });

  test('one job that fails takes no other along', async () => {
    const { group, transactions } = newGroup((ids) => ids.includes('2'));
    const results = await Promise.allSettled([jobOf('1'), jobOf('2'), jobOf('3')].map((job) => group.add(job)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(transactions).toEqual([['1', '2', '3'], ['1'], ['2'], ['3']]);
  });

  test('a second run of a job waits for the next transaction, where it finds the record of the first', async () => {
    const { group, transactions } = newGroup();
    await Promise.all([jobOf('1'), jobOf('1'), jobOf('2')].map((job) => group.add(job)));
    expect(transactions).toEqual([['1'], ['1', '2']]);
  });

  test('a job alone is tried once', async () => {
    const { group, transactions } = newGroup(() => true);
    await expect(group.add(jobOf('1'))).rejects.toThrow('refused');
    expect(transactions).toEqual([['1']]);
  });
});
