/**
 * The core: the terms, shapes and decisions of Flashclaim, without I/O. docs/glossary.md defines the terms:
 *
 * - coupon: a named stock of `amount` identical units.
 * - claim: one unit taken by one user. Its id is made before it is queued.
 * - outcome: the result of a claim request, from a closed list in order of precedence.
 * - batch, job: the claims that one API process sends to a lane together.
 * - lane: the ordered queue through which all claims of a coupon pass, one job at a time.
 *
 * A claim goes: admit → submit → batch → dispatch → (lane) take → commit → answer. apps/api/src/claims/claim-path.ts describes
 * the steps in the API, apps/worker/src/job-path.ts those in a worker.
 */
export * from './claim.ts';
export * from './coupon.ts';
export * from './coupon-change.ts';
export * from './decide-claims.ts';
export * from './decide-jobs.ts';
export * from './idempotency-key.ts';
export * from './job.ts';
export * from './lane.ts';
export * from './limits.ts';
export * from './list.ts';
export * from './name.ts';
export * from './problem.ts';
export * from './problem-actions.ts';
export * from './settings.ts';
export * from './time.ts';
