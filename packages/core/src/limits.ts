/** Limits that several modules share, or that relate to each other. A limit of one module stands in that module. The unit comes last. */

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

/** Time in which a request must arrive, by default: a slow sender does not keep a socket for ever. */
export const REQUEST_RECEIVE_DEFAULT_MS = 30_000;

/** The shortest such time that a deployment may set. */
export const REQUEST_RECEIVE_MIN_MS = 100;

/** The longest such time that a deployment may set. */
export const REQUEST_RECEIVE_MAX_MS = 300_000;

// The wait of a claim

/** How long a claim waits for its decision by default, before the answer is `pending`. */
export const CLAIM_WAIT_DEFAULT_MS = 5_000;

/** The longest wait that a deployment may set. */
export const CLAIM_WAIT_MAX_MS = 60_000;

/** Time of a handler beyond the wait. Then Fastify answers. */
export const HANDLER_MARGIN_MS = 5_000;

/** Time of a shutdown beyond the longest handler. */
export const GRACE_MARGIN_MS = 5_000;

/** The largest `Retry-After` of a 503. It is random, so that not all callers return at once. */
export const RETRY_AFTER_MAX_SECONDS = 3;

/** The largest `Retry-After` where so many callers are rejected that their return is spread over more time. */
export const RETRY_AFTER_CROWD_MAX_SECONDS = 10;

// Admission

/**
 * Undecided claims in one API process by default, and callers who wait for a status. The next one is answered
 * `overloaded`.
 */
export const CLAIMS_PENDING_DEFAULT = 20_000;

/**
 * Two turns of the event loop in a row that are longer, and claims are answered `overloaded`. One long turn is a
 * burst, and rejects nobody.
 */
export const LOOP_DELAY_MAX_MS = 1_000;

/** How often the event loop is checked. */
export const LOOP_CHECK_EVERY_MS = 50;

/**
 * Rejections in a tick without a pause of the connection. Measured without this limit: 8,000 callers who return at
 * once leave 2 % of the throughput.
 */
export const SHED_REJECTIONS_MAX = 250;

// Lanes, batches and jobs

/** Lanes by default. */
export const LANES_DEFAULT = 8;

/** Lanes at most: more only cost connections. */
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

/** How often a batch that lingers checks whether claims keep arriving. */
export const LINGER_STEP_MS = 2;

/** How long a claim with `respond-async` waits for a batch before it is sent although a job is in flight. */
export const ASYNC_BATCH_MAX_MS = 100;

/** Failed jobs that are kept for each lane, without their payloads. */
export const JOBS_FAILED_KEPT_MAX = 200;

/** Coupons in the cache of a worker, and sold-out coupons that an API process remembers. */
export const COUPONS_CACHED_MAX = 10_000;

// Answers and retries of jobs

/** Time without an answer to a job after which the API reads its record: the answer may be lost. */
export const ANSWER_TIMEOUT_MS = 1_000;

/** Lock of a worker on a job. The lane of a killed worker waits for it, and for one check. */
export const JOB_LOCK_MS = 3_000;

/** How often workers search for jobs whose lock has expired. */
export const JOB_STALLED_CHECK_MS = 1_500;

/** Runs of a job. Its deadline ends it, not this number. */
export const JOB_ATTEMPTS_MAX = 1_000_000;

/** How long an idle lane of a worker waits for a job before it asks Redis again. */
export const LANE_ASK_EVERY_SECONDS = 2;

/**
 * How long a job that any worker could run may wait before its lane counts as stuck. An idle worker asks for jobs
 * every 10 s at least, and the job of a killed worker needs its lock and a check.
 */
export const LANE_STUCK_MS = 15_000;

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

/** How long after its deadline a job record is kept. */
export const JOB_RECORD_KEPT_SECONDS = PENDING_RECORD_KEPT_SECONDS + 900;

/** Pending records in one read, and the most that are read for one claim id. */
export const PENDING_RECORDS_PER_READ_MAX = 200;

// Transactions

/**
 * Transactions of one worker process in flight. Jobs of all its lanes that arrive meanwhile share the next one.
 * Measured on two processors: with two or three, claims for many coupons cost a fifth more.
 */
export const TRANSACTIONS_IN_FLIGHT_MAX = 1;

/**
 * Timeout of one command of a transaction, including the commit. A worker also needs this time to notice that MongoDB
 * vanished.
 */
export const COMMIT_TIMEOUT_MS = 5_000;

/**
 * The largest recommended `transactionLifetimeLimitSeconds` of MongoDB: the open transaction of a killed worker
 * blocks its coupons for so long. MongoDB's default is 60.
 */
export const TRANSACTION_LIFETIME_MAX_SECONDS = 5;

// Connections and timeouts

/** A read or the creation of a coupon for a caller. */
export const QUERY_TIMEOUT_MS = 3_000;

/**
 * A request to the driver of a store: the selection of a server, and one attempt. This bounds a command that the
 * driver loses.
 */
export const DRIVER_TIMEOUT_MS = QUERY_TIMEOUT_MS + COMMIT_TIMEOUT_MS;

/** Connections of an API process to MongoDB for its callers. */
export const API_POOL_MAX = 20;

/** How long a start waits for Redis. */
export const REDIS_START_MAX_MS = 10_000;

/** Time without any answer after which a connection to Redis is closed and made again. */
export const REDIS_SILENCE_MAX_MS = 5_000;

// Health

/** How often an API process asks each store whether it is up. */
export const STORE_ASK_EVERY_MS = 150;

/** Intervals without an answer after which a store is down. */
export const STORE_SILENT_INTERVALS_MAX = 4;

/** Timeout of one check of one part in `GET /health`, and of an inspection of the lanes. */
export const HEALTH_CHECK_MS = 1_000;

/** How often a worker sets the global concurrency of its lanes: Redis may have lost it. */
export const GLOBAL_CONCURRENCY_EVERY_MS = 1_000;

/** How long a worker that stops may finish its jobs: longer than one transaction. */
export const WORKER_GRACE_MS = COMMIT_TIMEOUT_MS + 5_000;

/** Links of a span, as from a job to the requests of its claims. The default of OpenTelemetry is 128. */
export const SPAN_LINKS_MAX = 128;

// The live page

/** How often open live pages get new numbers. */
export const LIVE_FRAME_EVERY_MS = 333;

/** Coupons on the live page. */
export const LIVE_COUPONS_MAX = 12;

/** Live pages open at one API process. */
export const LIVE_PAGES_MAX = 500;

/** Bytes that may wait to be sent to one live page. Beyond it the page gets no new numbers until it has read them. */
export const LIVE_PAGE_BUFFER_MAX_BYTES = 128 * 1024;

// Derived from the wait of a deployment

/** Time of a handler, for the wait of a deployment. */
export const handlerTimeoutMs = (waitMs: number): number => waitMs + HANDLER_MARGIN_MS;

/** Time of a shutdown, for the wait of a deployment: longer than any handler. */
export const graceMs = (waitMs: number): number => handlerTimeoutMs(waitMs) + GRACE_MARGIN_MS;

/**
 * The age of the oldest claim of a lane at which the lane admits no more than one job may contain. Later claims would
 * mostly wait in vain.
 */
export const laneAgeMaxMs = (waitMs: number): number => waitMs / 2;

// Relations

assert(CLAIM_WAIT_DEFAULT_MS <= CLAIM_WAIT_MAX_MS, 'the default wait is allowed');
assert(RETRY_AFTER_MAX_SECONDS <= RETRY_AFTER_CROWD_MAX_SECONDS, 'a crowd waits no less than others');
assert(LOOP_CHECK_EVERY_MS < LOOP_DELAY_MAX_MS, 'a slow turn is seen');
assert(LANES_DEFAULT <= LANES_MAX, 'the default number of lanes is allowed');
assert(TURN_CLAIMS_MAX <= JOB_CLAIMS_MAX, 'a turn fits into a job');
assert(LANE_STUCK_MS > JOB_LOCK_MS + JOB_STALLED_CHECK_MS, 'the lane of a killed worker is not stuck');
assert(JOB_RECORD_KEPT_SECONDS > PENDING_RECORD_KEPT_SECONDS, 'a pending record leads to a job record');
assert(PENDING_RECORD_KEPT_SECONDS - CLOCK_JUMP_MAX_SECONDS >= 3_600, 'a status is readable for an hour');
assert(COMMIT_TIMEOUT_MS < DRIVER_TIMEOUT_MS, 'the driver times out first');
assert(LANE_ASK_EVERY_SECONDS * 1_000 < REDIS_SILENCE_MAX_MS, 'an idle lane keeps its connection');
assert(STORE_ASK_EVERY_MS * (STORE_SILENT_INTERVALS_MAX + 1) <= 1_000, 'a store that is down is known within a second');
