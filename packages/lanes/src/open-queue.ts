import type { ClaimJob } from '@flashclaim/core';
import type { RedisConnection } from '@flashclaim/runtime';
import { Queue } from 'bullmq';
import { laneName, lanePrefix } from './lane-keys.ts';

/**
 * Entries in the event stream of a lane. A job writes four or more; Flashclaim reads none, so this only bounds Redis.
 */
const EVENTS_KEPT_MAX = 1_000;

/** Opens the queue of a lane. A worker returns no value to BullMQ: the result of a job is in its record and its answer. */
export const openQueue = (lane: number, connection: RedisConnection): Queue<ClaimJob, void> => {
  const queue = new Queue<ClaimJob, void>(laneName(lane), {
    connection,
    prefix: lanePrefix(lane),
    streams: { events: { maxLen: EVENTS_KEPT_MAX } },
  });
  // The connection logs its own errors. Without a listener an error event would end the process.
  queue.on('error', () => {});
  return queue;
};
