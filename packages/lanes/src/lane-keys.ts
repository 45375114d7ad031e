/** The queue of a lane. */
export const laneName = (lane: number): string => `lane-${lane}`;

/** The key prefix of a lane: a hash tag of its own, so that a lane's keys share a node of a Redis Cluster. */
export const lanePrefix = (lane: number): string => `{flashclaim-${lane}}`;

/** The Redis key in which BullMQ keeps a part of a lane (`wait`, `active`, `delayed`, `failed`, `meta`), or a job by its id. */
export const laneKey = (lane: number, part: string): string => `${lanePrefix(lane)}:${laneName(lane)}:${part}`;

export const JOB_NAME = 'claims';

/** The Redis channel on which one API process receives the answers to its own jobs. */
export const answersChannel = (replyTo: string): string => `flashclaim:answers:${replyTo}`;
