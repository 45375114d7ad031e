/** The lanes in Redis: their names and keys, and the reads of their state. */
export * from './check-writes.ts';
export * from './find-lanes.ts';
export * from './inspect-lane.ts';
export * from './lane-keys.ts';
export * from './observe-lanes.ts';
export * from './open-queue.ts';
