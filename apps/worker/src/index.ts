/** For tests and the simulation. */
export { commitJobs } from './commit-claims.ts';
export { CommitGroup } from './commit-group.ts';
export { CouponCache } from './coupon-cache.ts';
export { buildJobPath, runJob } from './job-path.ts';
export { openLane } from './open-lane.ts';
export { createStatusRoutes } from './status.ts';
export { StuckLanes } from './stuck-lanes.ts';
