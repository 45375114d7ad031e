/** The lanes in Redis: the names and keys that BullMQ gives them, and what can be read from them. */
export * from './check-writes.ts';
export * from './find-down.ts';
export * from './find-lanes.ts';
export * from './inspect-lane.ts';
export * from './lane-keys.ts';
export * from './observe-lanes.ts';
export * from './open-queue.ts';
