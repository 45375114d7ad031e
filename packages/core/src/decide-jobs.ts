import type { Claim, Decision, ExistingClaim, RecordedDecision, Unit } from './claim.ts';
import { decideClaims, decideExisting, isSameClaim, type Snapshot } from './decide-claims.ts';
import {
  type ClaimJobResult,
  couponsOf,
  decodeDecision,
  encodeDecisions,
  encodeUnit,
  type Job,
  type JobRecord,
} from './job.ts';

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

/** The units that the decisions of a transaction changed. */
export interface ChangedUnits {
  /** The units of the grants, by claim id. */
  granted: ReadonlyMap<string, Unit>;
  /** When units were released, by claim id, in ms since the epoch. */
  ended: ReadonlyMap<string, number>;
}

const HAS_ENDED: ReadonlySet<Decision> = new Set(['released', 'claim_released']);

/** The result of a job that this transaction decides. */
export const toResult = (
  { job, decisions }: JobDecision,
  existing: ReadonlyMap<string, ExistingClaim>,
  { granted, ended }: ChangedUnits,
): ClaimJobResult => {
  const coupons = couponsOf(job.claims);
  const grants: NonNullable<ClaimJobResult['grants']> = {};
  const units: NonNullable<ClaimJobResult['units']> = {};
  job.claims.forEach(({ id, couponName }, index) => {
    const unit = granted.get(id);
    const found = existing.get(id);
    // A replay that was decided before the release in this list is a replay of a live claim.
    const endedAt = HAS_ENDED.has(decisions[index] as Decision) ? (found?.endedAt ?? ended.get(id)) : undefined;
    if (found) units[index] = encodeUnit({ ...found, endedAt });
    else if (unit && decisions[index] === 'claimed') grants[coupons.indexOf(couponName)] ??= encodeUnit(unit);
    else if (unit) units[index] = encodeUnit(unit);
  });
  return newResult(decisions, grants, units);
};

/**
 * The result of a job that was decided or expired before: the same decisions again. Only a claim that is live by now is decided
 * again, because another request with its idempotency key may have made it since, and a live claim comes before a refusal. A claim
 * whose coupon was deleted is not live, although a purge may not have removed it yet.
 * @param record absent where the job has expired.
 */
export const repeatResult = (
  job: Job,
  record: ClaimJobResult | undefined,
  { existing, remaining }: Pick<Snapshot, 'existing' | 'remaining'>,
): ClaimJobResult => {
  const units: NonNullable<ClaimJobResult['units']> = { ...record?.units };
  const decisions = job.claims.map((claim, index) => {
    const recorded = record ? decodeDecision(record, index) : 'timed_out';
    const found = existing.get(claim.id);
    if (recorded === 'claimed' || claim.operation === 'release' || !found || !isLive(found, claim)) return recorded;
    if (!remaining.has(claim.couponName)) return recorded;
    units[index] = encodeUnit(found);
    return decideExisting(found, claim);
  });
  return newResult(decisions, record?.grants ?? {}, units);
};

const isLive = (existing: ExistingClaim, claim: Claim): boolean =>
  existing.endedAt === undefined && isSameClaim(existing, claim);

const newResult = (
  decisions: readonly RecordedDecision[],
  grants: NonNullable<ClaimJobResult['grants']>,
  units: NonNullable<ClaimJobResult['units']>,
): ClaimJobResult => ({
  decisions: encodeDecisions(decisions),
  ...(hasKeys(grants) && { grants }),
  ...(hasKeys(units) && { units }),
});

const hasKeys = (record: object): boolean => Object.keys(record).length > 0;
