/**
 * The dictionary.
 *
 * - coupon: a named stock of `amount` identical units.
 * - claim: one unit taken by one user; its id is made before it is queued.
 * - outcome: what became of a claim request; a closed list, ordered by precedence.
 * - lane: the ordered queue through which all claims of a coupon pass, one job at a time.
 * - job: the claims that one API process hands to a lane at once.
 *
 * A claim goes: submit → gather → lane → decide → commit → reply.
 */
export * from './claim.ts';
export * from './coupon.ts';
export * from './decide-claims.ts';
export * from './decide-jobs.ts';
export * from './idempotency-key.ts';
export * from './job.ts';
export * from './lane.ts';
export * from './limits.ts';
export * from './name.ts';
export * from './problem.ts';
export * from './settings.ts';
