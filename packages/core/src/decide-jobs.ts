import type { Claim, Decision, ExistingClaim, RecordedDecision } from './claim.ts';
import { decideClaims, decideExisting, isSameClaim, type Snapshot } from './decide-claims.ts';
import { type ClaimJobResult, decodeDecision, encodeDecisions, type Job, type JobRecord } from './job.ts';

/** No run can decide the job: its payload is not readable, its deadline is wrong, or its record belongs to another job. */
export class JobRejectedError extends Error {}

/** Jobs by what remains to do for each. */
export interface SortedJobs {
  /** No record, and before the deadline: to be decided. */
  open: Job[];
  /** No record, and after the deadline: to be recorded as expired. */
  expired: Job[];
  /** With a record, which contains the result. */
  recorded: { job: Job; record: JobRecord }[];
}

/**
 * Sorts jobs by their records and deadlines.
 * @param now database time in seconds.
 * @throws JobRejectedError where a record belongs to another job.
 */
export const sortJobs = (jobs: readonly Job[], records: ReadonlyMap<string, JobRecord>, now: number): SortedJobs => {
  const sorted: SortedJobs = { open: [], expired: [], recorded: [] };
  for (const job of jobs) {
    const record = records.get(job.id);
    if (record) sorted.recorded.push({ job, record: checkFit(job, record) });
    else if (now > job.deadline) sorted.expired.push(job);
    else sorted.open.push(job);
  }
  return sorted;
};

const checkFit = (job: Job, record: JobRecord): JobRecord => {
  const { firstClaim, result } = record;
  const fits = !result || (firstClaim === job.claims[0]?.id && result.decisions.length === job.claims.length);
  if (!fits)
    throw new JobRejectedError(`the record of job ${job.id} belongs to another job: it starts with ${firstClaim}`);
  return record;
};

/** The decisions of one job, in the order of its claims. */
export interface JobDecision {
  job: Job;
  decisions: Decision[];
}

/** Decides the claims of several jobs as one list, in order. */
export const decideJobs = (snapshot: Snapshot, jobs: readonly Job[]): JobDecision[] => {
  const decisions = decideClaims(
    snapshot,
    jobs.flatMap(({ claims }) => claims),
  );
  let end = 0;
  return jobs.map((job) => {
    const start = end;
    end += job.claims.length;
    return { job, decisions: decisions.slice(start, end) };
  });
};

/** The result of a job that this transaction decides, at `at` in ms since the epoch. */
export const toResult = (
  { job, decisions }: JobDecision,
  existing: ReadonlyMap<string, ExistingClaim>,
  at: number,
): ClaimJobResult => {
  const replayedAt: Record<number, number> = {};
  job.claims.forEach(({ id }, index) => {
    const claim = existing.get(id);
    if (claim) replayedAt[index] = claim.claimedAt;
  });
  return newResult(decisions, at, replayedAt);
};

/**
 * The result of a job that was decided or expired before: the same decisions again. Only a claim that exists by now is decided
 * again, because another request with its idempotency key may have made it since, and an existing claim comes before a refusal.
 * @param record absent where the job has expired.
 */
export const repeatResult = (
  job: Job,
  record: ClaimJobResult | undefined,
  existing: ReadonlyMap<string, ExistingClaim>,
  at: number,
): ClaimJobResult => {
  const replayedAt: Record<number, number> = { ...record?.replayedAt };
  const decisions = job.claims.map((claim, index) => {
    const recorded = record ? decodeDecision(record, index).decision : 'timed_out';
    const found = existing.get(claim.id);
    if (!found || !isSameClaim(found, claim)) return recorded;
    replayedAt[index] = found.claimedAt;
    return decideRecorded(recorded, found, claim);
  });
  return newResult(decisions, record?.at ?? at, replayedAt);
};

const newResult = (
  decisions: readonly RecordedDecision[],
  at: number,
  replayedAt: Record<number, number>,
): ClaimJobResult => {
  const result = { decisions: encodeDecisions(decisions), at };
  return Object.keys(replayedAt).length > 0 ? { ...result, replayedAt } : result;
};

const decideRecorded = (recorded: RecordedDecision, existing: Claim, claim: Claim): Decision =>
  recorded === 'claimed' ? recorded : decideExisting(existing, claim);
