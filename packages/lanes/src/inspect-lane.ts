import type { RedisConnection } from '@flashclaim/runtime';
import { laneKey } from './lane-keys.ts';

/** What waits in a lane, and since when. */
export interface LaneState {
  waiting: number;
  active: number;
  /** Threw, and is run again in a moment. */
  delayed: number;
  /** Failed for good, and kept to be looked at. */
  failed: number;
  /** When the oldest job that is not finished was added, in ms since the epoch by the clock of who added it. */
  oldestAt: number | undefined;
  /** A job that any worker might run, and none does at this moment. */
  unserved: string | undefined;
}

/** BullMQ keeps a delayed job under its time in ms, times this. */
const DELAYED_SCORE_PER_MS = 0x1000;

/**
 * Looks at a lane: two round trips, whatever its length. Reads what BullMQ keeps (`wait`, `active` and `delayed`, and each
 * job's `timestamp` and lock) and no job's claims: those may be a megabyte.
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
      // Jobs are added at the head of the list and taken from its end.
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
        // Asked after the lock: a job that ended in between has none either.
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

/** @throws the first error that any of the commands met. */
const ask = async <Replies extends unknown[]>(pipeline: {
  exec: () => Promise<[Error | null, unknown][] | null>;
}): Promise<Replies> =>
  ((await pipeline.exec()) ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  }) as Replies;
