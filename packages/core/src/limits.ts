/**
 * Limits that several modules or tests share, or that relate to each other. A limit of one module is defined in that module.
 * The unit comes last in the name. Each group ends with its relations, which are checked on import.
 */

/** @throws Error where two limits do not fit together. */
const assert = (holds: boolean, rule: string): void => {
  if (!holds) throw new Error(`limits.ts: ${rule}`);
};

// Names and requests

/** A name or user id after normalisation, in code points. */
export const NAME_MAX_CHARS = 255;

/** An `Idempotency-Key`. A UUID has 36 characters. */
export const IDEMPOTENCY_KEY_MAX_CHARS = 255;

/**
 * A URL parameter: each character of a name may be 3 code points of 4 bytes before it is composed, and each byte
 * `%XX`. The default of Fastify is 100.
 */
export const URL_PARAMETER_MAX_CHARS = NAME_MAX_CHARS * 3 * 4 * 3;

/** Units of a coupon: the largest 32-bit integer. */
export const AMOUNT_MAX = 2_147_483_647;

/** A request body. The longest claim, with every character escaped, has less than 7 KiB. */
export const BODY_MAX_BYTES = 16 * 1024;

/** Users in `claimed_by`. */
export const CLAIMED_BY_MAX = 1_000;

/** The longest time for which a deployment may let caches answer with a coupon: people watch how it sells. */
export const COUPON_MAX_AGE_MAX_SECONDS = 60;

/** Time in which a request must arrive, by default: a slow sender does not keep a socket for ever. */
export const REQUEST_RECEIVE_DEFAULT_MS = 30_000;

/** The shortest such time that a deployment may set. */
export const REQUEST_RECEIVE_MIN_MS = 100;

/** The longest such time that a deployment may set. */
export const REQUEST_RECEIVE_MAX_MS = 300_000;

assert(
  REQUEST_RECEIVE_MIN_MS <= REQUEST_RECEIVE_DEFAULT_MS && REQUEST_RECEIVE_DEFAULT_MS <= REQUEST_RECEIVE_MAX_MS,
  'a deployment may set the default time of a request',
);

// The wait of a caller

/** How long a claim waits for its decision by default, before the answer is `pending`. */
export const CLAIM_WAIT_DEFAULT_MS = 5_000;

/** The longest wait that a deployment may set. */
export const CLAIM_WAIT_MAX_MS = 60_000;

/** Time of a handler beyond the wait of its claim. Then Fastify answers for it. */
const HANDLER_MARGIN_MS = 5_000;

/** Time of a shutdown of the API beyond the longest handler. */
export const GRACE_MARGIN_MS = 5_000;

/** The largest `Retry-After` of a 503. It is random, so that not all callers return at once. */
export const RETRY_AFTER_MAX_SECONDS = 3;

/** The largest `Retry-After` where so many callers are rejected that their return is spread over more time. */
export const RETRY_AFTER_CROWD_MAX_SECONDS = 10;

/** Time of a handler, for the wait of a deployment. */
export const handlerTimeoutMs = (waitMs: number): number => waitMs + HANDLER_MARGIN_MS;

/** Time of a shutdown of the API, for the wait of a deployment: longer than any handler. */
export const graceMs = (waitMs: number): number => handlerTimeoutMs(waitMs) + GRACE_MARGIN_MS;

/**
 * Age of the oldest claim of a lane at which the lane admits no more claims than one job may contain, for the wait of a
 * deployment. More claims would mostly wait until they are answered `pending`.
 */
export const laneAgeMaxMs = (waitMs: number): number => waitMs / 2;

assert(CLAIM_WAIT_DEFAULT_MS <= CLAIM_WAIT_MAX_MS, 'a deployment may set the default wait');
assert(RETRY_AFTER_MAX_SECONDS <= RETRY_AFTER_CROWD_MAX_SECONDS, 'many callers return over a longer time than few');

// Admission

/**
 * Undecided claims in one API process by default. The next claim is answered `overloaded`. The same limit counts callers who
 * wait for the status of a claim.
 */
export const CLAIMS_PENDING_DEFAULT = 20_000;

/**
 * Duration of a turn of the event loop. After two longer turns in a row, claims are answered `overloaded`. One longer turn is
 * only a burst.
 */
export const LOOP_DELAY_MAX_MS = 1_000;

/** How often the event loop is checked. */
export const LOOP_CHECK_EVERY_MS = 50;

/**
 * Rejections in one tick of the load shedder before it pauses connections. Measured without this limit: if 8,000 callers
 * return at once, 2 % of the throughput remain.
 */
export const SHED_REJECTIONS_MAX = 250;

assert(LOOP_CHECK_EVERY_MS < LOOP_DELAY_MAX_MS, 'the check of the event loop notices a turn that is too long');

// Lanes, batches and jobs

/** Lanes by default. */
export const LANES_DEFAULT = 1;

/** The most lanes that a deployment may set: more only cost connections. */
export const LANES_MAX = 64;

/** Claims in one job, and in one transaction. */
export const JOB_CLAIMS_MAX = 2_000;

/**
 * Claims that neither wait for the end of a turn of the event loop nor linger. With thousands of callers, a turn can
 * take seconds.
 */
export const TURN_CLAIMS_MAX = 256;

/** Jobs of one API process in flight in one lane. The next claim of the lane is answered `overloaded`. */
export const LANE_JOBS_MAX = 100;

/**
 * How long a batch may be in flight before its lane counts as blocked: longer than an overloaded lane takes, because the smaller
 * jobs of a blocked lane cost more.
 */
export const LANE_BLOCKED_MS = 5_000;

/** How often a batch that lingers checks whether claims keep arriving. */
export const LINGER_STEP_MS = 2;

/** How long a claim with `respond-async` waits in a batch before the batch is sent although a job is in flight. */
export const ASYNC_BATCH_MAX_MS = 100;

/** Failed jobs that are kept for each lane, without their payloads. */
export const JOBS_FAILED_KEPT_MAX = 200;

/** Coupons in the cache of a worker, and closed coupons that an API process remembers. */
export const COUPONS_CACHED_MAX = 10_000;

assert(LANES_DEFAULT <= LANES_MAX, 'a deployment may set the default number of lanes');
assert(TURN_CLAIMS_MAX <= JOB_CLAIMS_MAX, 'the claims of a turn fit into one job');

// Answers and retries of jobs

/** Time without an answer to a job after which the API reads its record: the answer may be lost. */
export const ANSWER_TIMEOUT_MS = 1_000;

/** Time of a worker's lock on a job. The lane of a killed worker waits until the lock expires, and then for one check. */
export const JOB_LOCK_MS = 3_000;

/** How often workers search for jobs whose lock has expired. */
export const JOB_STALLED_CHECK_MS = 1_500;

/** Runs of a job, after errors or lost workers. The number is high, because the deadline of a job ends it. */
export const JOB_ATTEMPTS_MAX = 1_000_000;

/** How long an idle lane of a worker waits for a job before it asks Redis again. */
export const LANE_ASK_EVERY_SECONDS = 2;

/**
 * How long a job that any worker could run may wait before its lane counts as stuck. An idle worker asks for jobs
 * every 10 s at least, and the job of a killed worker needs its lock and a check.
 */
export const LANE_STUCK_MS = 15_000;

assert(LANE_BLOCKED_MS > JOB_LOCK_MS + JOB_STALLED_CHECK_MS, 'the lane of a killed worker does not count as blocked');
assert(LANE_STUCK_MS > JOB_LOCK_MS + JOB_STALLED_CHECK_MS, 'the lane of a killed worker does not count as stuck');

// Deadlines and records, in database time

/** How long after its dispatch a job may be decided. Later it is recorded as expired. */
export const JOB_DEADLINE_SECONDS = 900;

/**
 * How far database time may jump at an election: the clock of each member may be wrong by an hour, in either
 * direction. A worker rejects a job whose deadline is further ahead than this explains.
 */
export const CLOCK_JUMP_MAX_SECONDS = 2 * 3_600;

/** How long after its job's deadline a pending record is kept: an hour, also if database time jumps meanwhile. */
export const PENDING_RECORD_KEPT_SECONDS = 3_600 + CLOCK_JUMP_MAX_SECONDS;

/** How long after its deadline a job record is kept: longer than the pending records that refer to it. */
export const JOB_RECORD_KEPT_SECONDS = PENDING_RECORD_KEPT_SECONDS + 900;

/** Pending records in one read, and the most that are read for one claim id. */
export const PENDING_RECORDS_PER_READ_MAX = 200;

assert(JOB_RECORD_KEPT_SECONDS > PENDING_RECORD_KEPT_SECONDS, 'a pending record always leads to its job record');
assert(
  PENDING_RECORD_KEPT_SECONDS - CLOCK_JUMP_MAX_SECONDS >= 3_600,
  'the status of a claim can be read for an hour, also after a jump of database time',
);

// Transactions

/**
 * Transactions of one worker process in flight. Jobs of all its lanes that arrive meanwhile share the next one.
 * Measured on two processors: with two or three, claims for many coupons cost a fifth more.
 */
export const TRANSACTIONS_IN_FLIGHT_MAX = 1;

/**
 * Timeout of one command of a transaction, including the commit. A worker needs as long to notice that MongoDB disappeared
 * without closing its connections.
 */
export const COMMIT_TIMEOUT_MS = 5_000;

/**
 * The largest recommended `transactionLifetimeLimitSeconds` of MongoDB: the open transaction of a killed worker
 * blocks its coupons for this time. MongoDB's default is 60.
 */
export const TRANSACTION_LIFETIME_MAX_SECONDS = 5;

// Connections and timeouts

/** Timeout of a read or of the creation of a coupon, for a caller of the API. */
export const QUERY_TIMEOUT_MS = 3_000;

/**
 * Timeout around a command of a store's driver: the selection of a server, and one attempt. Without it, a command that the
 * driver loses would block its lane for ever.
 */
export const DRIVER_TIMEOUT_MS = QUERY_TIMEOUT_MS + COMMIT_TIMEOUT_MS;

/** Connections of an API process to MongoDB for its callers. */
export const API_POOL_MAX = 20;

/** How long a start waits for Redis. */
export const REDIS_START_MAX_MS = 10_000;

/** Time without any answer after which a connection to Redis is closed and made again. */
export const REDIS_SILENCE_MAX_MS = 5_000;

assert(COMMIT_TIMEOUT_MS < DRIVER_TIMEOUT_MS, 'the driver reports a timeout first');
assert(LANE_ASK_EVERY_SECONDS * 1_000 < REDIS_SILENCE_MAX_MS, 'an idle lane keeps its connection');

// Health and checks

/** How often an API process checks whether each store answers. */
export const STORE_ASK_EVERY_MS = 150;

/** Intervals without an answer after which a store counts as down. */
export const STORE_SILENT_INTERVALS_MAX = 4;

/** Timeout of one check of one part in `GET /health`, and of an inspection of the lanes. */
export const HEALTH_CHECK_MS = 1_000;

/** How often a worker sets the global concurrency of its lanes: Redis may have lost it. */
export const GLOBAL_CONCURRENCY_EVERY_MS = 1_000;

/** Links of a span to others, for example from a job to the requests of its claims. The default of OpenTelemetry is 128. */
export const SPAN_LINKS_MAX = 128;

assert(GLOBAL_CONCURRENCY_EVERY_MS < REDIS_SILENCE_MAX_MS, 'an idle worker keeps its connection');
assert(STORE_ASK_EVERY_MS < REDIS_SILENCE_MAX_MS, 'an idle API process keeps its connection');
assert(STORE_ASK_EVERY_MS * (STORE_SILENT_INTERVALS_MAX + 1) <= 1_000, 'a store that fails is down within a second');

// Shutdown of a worker

/** How long a worker that stops may finish its jobs: longer than one transaction. */
export const WORKER_GRACE_MS = COMMIT_TIMEOUT_MS + 5_000;

// The live page

/** How often open live pages get new numbers. */
export const LIVE_FRAME_EVERY_MS = 333;

/** Coupons on the live page. */
export const LIVE_COUPONS_MAX = 12;

/** Live pages open at one API process. */
export const LIVE_PAGES_MAX = 500;

/** Bytes that may wait to be sent to one live page. Beyond it the page gets no new numbers until it has read them. */
export const LIVE_PAGE_BUFFER_MAX_BYTES = 128 * 1024;
