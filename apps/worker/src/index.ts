/** What tests and the simulation run without a queue. */
export { commitJobs } from './commit-claims.ts';
export { CommitGroup } from './commit-group.ts';
export { CouponMemory } from './coupon-memory.ts';
export { LaneWatch } from './lane-watch.ts';
export { openLane } from './lanes.ts';
export { processJob } from './process-job.ts';
export { createQuestions } from './status.ts';
