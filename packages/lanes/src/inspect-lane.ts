import type { RedisConnection } from '@flashclaim/runtime';
import { laneKey } from './lane-keys.ts';

/** The jobs of a lane, by state. */
export interface LaneState {
  waiting: number;
  active: number;
  /** Jobs that failed and will run again. */
  delayed: number;
  /** Jobs that never run again, kept so that people can see their error. */
  failed: number;
  /** When the oldest unfinished job was enqueued, in ms since the epoch by the clock of its API process. */
  oldestAt: number | undefined;
  /** The id of a job that any worker could run, but none runs at this moment. */
  unserved: string | undefined;
}

/** The score of a delayed job in BullMQ is its time in ms, multiplied by this. */
const DELAYED_SCORE_PER_MS = 0x1000;

/**
 * Inspects a lane, in two round trips for any length. It reads BullMQ's keys (`wait`, `active`, `delayed`, and the `timestamp`
 * and lock of a job), and no payloads, because a payload may have a megabyte.
 */
export const inspectLane = async (redis: RedisConnection, lane: number): Promise<LaneState> => {
  const [waiting, active, delayed, failed, waits, runs, later, paused] = await ask<
    [number, number, number, number, string | null, string | null, string[], string | null]
  >(
    redis
      .pipeline()
      .llen(laneKey(lane, 'wait'))
      .llen(laneKey(lane, 'active'))
      .zcard(laneKey(lane, 'delayed'))
      .zcard(laneKey(lane, 'failed'))
      // BullMQ adds jobs at the head of the list and takes them from its end.
      .lindex(laneKey(lane, 'wait'), -1)
      .lindex(laneKey(lane, 'active'), -1)
      .zrange(laneKey(lane, 'delayed'), '0', '0', 'WITHSCORES')
      .hget(laneKey(lane, 'meta'), 'paused'),
  );
  const [delayedId, score] = later;
  const ids = [waits, runs, delayedId].filter((id): id is string => typeof id === 'string');
  const [locked, runsStill, waitsStill, ...times] = await ask<[number, ...(string | null)[]]>(
    ids.reduce(
      (pipeline, id) => pipeline.hget(laneKey(lane, id), 'timestamp'),
      redis
        .pipeline()
        .exists(laneKey(lane, `${runs}:lock`))
        // Read after the lock, because a job that has ended since the first round trip has no lock either.
        .lindex(laneKey(lane, 'active'), -1)
        .lindex(laneKey(lane, 'wait'), -1),
    ),
  );
  // biome-ignore lint/plugin/wall-clock: BullMQ runs a delayed job when the wall clock of a worker says so.
  const isDue = Number(score) / DELAYED_SCORE_PER_MS < Date.now();
  const next = runs ?? waits ?? (isDue ? delayedId : undefined);
  const isSame = runsStill === runs && (runs !== null || waitsStill === waits);
  const known = times.filter((time) => time !== null).map(Number);
  return {
    waiting,
    active,
    delayed,
    failed,
    oldestAt: known.length > 0 ? Math.min(...known) : undefined,
    unserved: paused === null && locked === 0 && isSame ? next : undefined,
  };
};

/** @throws Error of the first command that failed. */
const ask = async <Replies extends unknown[]>(pipeline: {
  exec: () => Promise<[Error | null, unknown][] | null>;
}): Promise<Replies> =>
  ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  }) as Replies;
