/** What tests and the simulation run without a queue. */
export { commitClaims } from './commit-claims.ts';
export { decideClaims, type Snapshot } from './decide-claims.ts';
