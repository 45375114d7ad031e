/** The name of a lane's queue in BullMQ. */
export const laneName = (lane: number): string => `lane-${lane}`;

/** The key prefix of a lane. Its hash tag keeps all keys of a lane on one node of a Redis Cluster. */
export const lanePrefix = (lane: number): string => `{flashclaim-${lane}}`;

/** The Redis key of a part of a lane in BullMQ (`wait`, `active`, `delayed`, `failed`, `meta`), or of a job by its id. */
export const laneKey = (lane: number, part: string): string => `${lanePrefix(lane)}:${laneName(lane)}:${part}`;

export const JOB_NAME = 'claims';

/** The Redis channel on which one API process receives the answers to its own jobs. */
export const answersChannel = (replyTo: string): string => `flashclaim:answers:${replyTo}`;
