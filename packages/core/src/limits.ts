/** Every limit of the system, with its unit and its reason. The unit stands last in the name. */

/** A name or user id, after normalisation, in characters (code points). */
export const NAME_MAX_CHARS = 255;

/** An `Idempotency-Key`, in characters: a UUID needs 36. */
export const IDEMPOTENCY_KEY_MAX_CHARS = 255;

/**
 * A URL parameter: 255 characters, each spelled as up to 3 code points of 4 bytes where it is not composed, each byte as
 * `%XX`. Fastify's own default is 100.
 */
export const URL_PARAMETER_MAX_CHARS = NAME_MAX_CHARS * 3 * 4 * 3;

/** Units of a coupon: what a 32-bit BSON integer holds. */
export const AMOUNT_MAX = 2_147_483_647;

/** A request body: the longest claim in normal form needs less than 7 KiB, every character of it escaped. */
export const BODY_MAX_BYTES = 16 * 1024;

/** Users listed in `claimed_by`: more belong on a page of their own. */
export const CLAIMED_BY_MAX = 1_000;

/** Claims in one job: bounds the transaction that carries them. */
export const JOB_CLAIMS_MAX = 2_000;

/** Names and ids in one job, in characters: bounds what Redis and the worker hold of one job. */
export const JOB_CHARS_MAX = 1024 * 1024;

/**
 * Jobs that one API process has under way in one lane. While they are, later claims gather.
 * Measured: more, smaller jobs make a hot coupon slower, because a transaction costs the same for one claim as for many.
 */
export const JOBS_IN_FLIGHT_MAX = 1;

/**
 * Claims that wait neither for the end of a turn of the event loop nor linger: with thousands of callers one turn can take
 * seconds, and no timer ends it.
 */
export const TURN_CLAIMS_MAX = 256;

/**
 * Between two jobs that go although one is under way, because a claim has waited long enough: while no worker is there,
 * claims must not become a job each.
 */
export const FLUSH_SOON_EVERY_MS = 100;

/** Jobs that one API process has under way in one lane, hastened ones included; the lane's next claim is told `overloaded`. */
export const LANE_JOBS_MAX = 100;

/** A batch of fewer claims than this lingers after the one before it was answered, while claims keep coming. */
export const LINGER_CLAIMS_MAX = 100;

/** How often a lingering batch looks whether claims keep coming. */
export const LINGER_STEP_MS = 2;

/** The longest a batch lingers. */
export const LINGER_MAX_MS = 5;

/** How long a claim waits for its outcome by default, before the caller is told `pending`. */
export const CLAIM_WAIT_DEFAULT_MS = 5_000;

/** The longest wait a deployment may set. */
export const CLAIM_WAIT_MAX_MS = 60_000;

/** Claims waiting in one API process by default, and callers for the status of one; the next is told `overloaded`. */
export const CLAIMS_PENDING_DEFAULT = 20_000;

/**
 * Two turns of the event loop in a row that take so long, and claims are told `overloaded`: what comes in has to wait for
 * several. One long turn is a burst, and refuses nobody.
 */
export const LOOP_DELAY_MAX_MS = 1_000;

/** How often that is looked at. */
export const LOOP_LOOK_EVERY_MS = 50;

/**
 * Connections that the system keeps for us until they are accepted, if its own limit (`net.core.somaxconn`) is not lower.
 * Node's default is 511; of 10,000 who come at once, those beyond are told nothing, and try again after one or three seconds.
 */
export const CONNECTIONS_COMING_MAX = 8_192;

/** How often connections are read again whose callers had been told to come back later. */
export const SHED_TICK_MS = 250;

/**
 * Callers turned away in one such tick whose connections are read on at once: below this nobody ever waits.
 * Measured without any such limit: 8,000 callers who come back at once leave 2 % of the throughput.
 */
export const SHED_REJECTIONS_MAX = 250;

/** What a handler may take on top of the wait before Fastify answers for it. */
export const HANDLER_MARGIN_MS = 5_000;

/** What shutting down may take on top of the longest handler. */
export const GRACE_MARGIN_MS = 5_000;

/** Silence on a job after which the API looks at the job itself: its answer may have been lost. */
export const ANSWER_TIMEOUT_MS = 1_000;

/** A worker's lock on a job. A killed worker's lane waits this long, plus one stall check. */
export const JOB_LOCK_MS = 3_000;

/** How often workers look for jobs whose lock has run out. */
export const JOB_STALLED_CHECK_MS = 1_500;

/** How long after its start a job may be decided, in database time. Later, a worker records that it has expired. */
export const JOB_DEADLINE_SECONDS = 900;

/**
 * How far database time may jump when another member becomes primary: each member's clock may be wrong by an hour, in either
 * direction. A worker rejects a job whose deadline lies further ahead than this explains.
 */
export const CLOCK_JUMP_MAX_SECONDS = 2 * 3_600;

/** How long after its job's deadline a pending claim's record is kept: an hour, also where database time jumps meanwhile. */
export const PENDING_RECORD_KEPT_SECONDS = 3_600 + CLOCK_JUMP_MAX_SECONDS;

/** How long after its deadline a job's record is kept: longer than the pending records that lead to it. */
export const JOB_RECORD_KEPT_SECONDS = PENDING_RECORD_KEPT_SECONDS + 900;

/**
 * Bytes of the records of pending claims, in all of MongoDB. Beyond it no caller is told `pending`. A thousand claims a second,
 * all with `respond-async`, need half of it.
 */
export const PENDING_RECORDS_MAX_BYTES = 4 * 1024 ** 3;

/** How often that is measured. */
export const PENDING_RECORDS_MEASURE_EVERY_MS = 1_000;

/** How long a caller waits for its pending record to be written. */
export const PENDING_RECORD_WRITE_MAX_MS = 2_000;

/** Pending records that one read of statuses takes from MongoDB at once, and the most of one claim id that are looked at. */
export const PENDING_RECORDS_PER_READ_MAX = 200;

/** Claims whose statuses are read together. */
export const STATUSES_PER_READ_MAX = 50;

/** Times that a job is run again, after an error or without its worker: the deadline ends a job, not a count. */
export const JOB_ATTEMPTS_MAX = 1_000_000;

/** How long a worker pauses after an error before it gives the job back. */
export const JOB_RETRY_PAUSE_MS = 1_000;

/**
 * Transactions that one worker process has under way; the jobs that come meanwhile, from all its lanes, share the next one.
 * Measured on two processors: with two or three, claims spread over many coupons cost a fifth more.
 */
export const TRANSACTIONS_IN_FLIGHT_MAX = 1;

/** Times a transaction is decided anew when the database contradicted the snapshot, before the job is thrown back. */
export const COMMIT_ATTEMPTS_MAX = 5;

/** The longest pause after the first write conflict; after the second it may be twice as long, and so on. */
export const COMMIT_PAUSE_MAX_MS = 50;

/**
 * One command of a transaction, its commit included. Also what a worker takes to see that MongoDB is gone without a word: so
 * much less than the ten seconds within which claims are decided again.
 */
export const COMMIT_TIMEOUT_MS = 5_000;

/**
 * What MongoDB's transactionLifetimeLimitSeconds should be at most: a killed worker's open transaction keeps its coupons
 * for so long. MongoDB's own default is 60.
 */
export const TRANSACTION_LIFETIME_MAX_SECONDS = 5;

/** Reads on sold-out coupons that one API process has under way: one travels while the other's answers are written. */
export const SOLD_OUT_READS_MAX = 2;

/** Coupons that a lane remembers in a worker, and an API process as sold out. */
export const COUPONS_CACHED_MAX = 10_000;

/**
 * How often a MongoDB that has nothing new to say says so. A driver that met an error holds its server for gone until it hears
 * from it again; its own default is 10 s.
 */
export const MONGO_HEARTBEAT_MS = 1_000;

/** A read or a coupon creation in MongoDB on behalf of a caller. */
export const QUERY_TIMEOUT_MS = 3_000;

/**
 * What is asked of a store's driver: finding a server, and one try. Not the server's time but the driver's, in case that it
 * loses a command: such a one must not hold its lane for ever.
 */
export const DRIVER_TIMEOUT_MS = QUERY_TIMEOUT_MS + COMMIT_TIMEOUT_MS;

/**
 * How long a claim whose caller does not wait at all may gather before it gets a job whatever is under way: claims that
 * nobody waits for must not become a job each.
 */
export const ASYNC_BATCH_MAX_MS = 100;

/** Claims whose pending records go into one command. */
export const PENDING_RECORDS_PER_WRITE_MAX = 1_000;

/** Failed jobs kept for each lane, without their payloads, to be looked at. */
export const JOBS_FAILED_KEPT_MAX = 200;

/** Entries of a lane's event stream, four or more for a job. No part of Flashclaim reads them; this bounds Redis. */
export const EVENTS_KEPT_MAX = 1_000;

/** How long a start waits for Redis. */
export const REDIS_START_MAX_MS = 10_000;

/** One attempt to connect to Redis. ioredis has 10 s, in which it may long be back. */
export const REDIS_CONNECT_MAX_MS = 2_000;

/** Longest pause between two attempts to reach Redis again. */
export const REDIS_RECONNECT_MAX_MS = 500;

/** Connections of an API process to MongoDB, kept open and at most: it reads coupons and claims, no more. */
export const API_POOL_MIN = 2;
export const API_POOL_MAX = 20;

/** Its connections for the questions that must not wait behind callers: one for the ping, one for the rest. */
export const PROBE_POOL_MAX = 2;

/** The receiving of a request by default: slow senders hold no socket for ever. */
export const REQUEST_RECEIVE_DEFAULT_MS = 30_000;

/** What a deployment may set instead: a bad line takes seconds, and nobody sends 16 KiB for minutes. */
export const REQUEST_RECEIVE_MIN_MS = 100;
export const REQUEST_RECEIVE_MAX_MS = 300_000;

/** How often slow senders are looked for in that time: the bound may be exceeded by a sixth. */
export const RECEIVE_CHECKS = 6;

/** After an answer to what is no HTTP, how long the rest of it is read and dropped, so that the answer arrives. */
export const CLIENT_ERROR_LINGER_MS = 1_000;

/** How long an API that stops waits for the first request of a connection that has sent nothing yet. */
export const SILENT_CONNECTION_MAX_MS = 1_000;

/**
 * How long an API that stops keeps connections that wait for nothing, to answer the next request of each with a refusal that
 * closes it. In a sale, one that is used at all is used again within it.
 */
export const LEAVE_MS = 250;

/** How often it looks whether any is left. */
export const LEAVE_TICK_MS = 10;

/** How long a worker takes to finish its jobs when it is told to stop: longer than one transaction. */
export const WORKER_GRACE_MS = COMMIT_TIMEOUT_MS + 5_000;

/** Lanes by default. */
export const LANES_DEFAULT = 8;

/** More lanes than this only cost connections. */
export const LANES_MAX = 64;

/** How often an API process asks each store whether it is there. */
export const STORE_ASK_EVERY_MS = 150;

/** Links of a span to others, as those of a job to the requests of its claims: OpenTelemetry keeps 128 by default. */
export const SPAN_LINKS_MAX = 128;

/** For how long the last traces may hold up the end of a process. */
export const TRACES_FLUSH_MAX_MS = 2_000;

/** How often a worker looks whether the lanes' jobs are run. */
export const LANE_INSPECT_EVERY_MS = 5_000;

/**
 * For how long a job that any worker might run may be left alone. An idle worker waits for jobs for 10 s at most before it
 * looks by itself, and a killed worker's job needs its lock and a stall check.
 */
export const LANE_STUCK_MS = 15_000;

/** How often a worker looks whether the indexes and validators are there that keep the data right. */
export const SCHEMA_LOOK_EVERY_MS = 1_000;

/** One such look. Less than a transaction may wait for MongoDB: what waits for a look must not wait longer. */
export const SCHEMA_LOOK_MAX_MS = 3_000;

/**
 * For how long such a look is believed: what begins later looks first. With the time that a transaction takes, nothing is
 * granted five seconds after an index is gone.
 */
export const SCHEMA_BELIEVED_MS = 3_000;

/** The pause after an index could not be built: each try reads the whole collection. */
export const SCHEMA_BUILD_EVERY_MS = 5_000;

/** A job that has been running for longer hangs: its transaction is decided anew a few times, each of bounded length. */
export const JOB_RUN_MAX_MS = 300_000;

/** For how long metrics that were written are answered again: scrapes come every few seconds, whoever else asks costs nothing. */
export const METRICS_KEPT_MS = 1_000;

/** One check of one part in `GET /health`, and one look at the lanes. */
export const HEALTH_CHECK_MS = 1_000;

/** Such intervals without an answer after which a store is away. With the one before the question: within a second. */
export const STORE_SILENT_INTERVALS_MAX = 4;

/**
 * Silence on a connection to Redis after which it is made anew: nobody is at its other end any more. Each connection is asked
 * something more often than that.
 */
export const REDIS_SILENCE_MAX_MS = 5_000;

/** How long an idle lane of a worker waits for a job before it asks again: less than the silence above. */
export const LANE_ASK_EVERY_SECONDS = 2;

/** Seconds a caller is told to wait after `pending`. */
export const RETRY_AFTER_SECONDS = 1;

/** Seconds a caller is told to wait after `overloaded` and `unavailable`, at most: at random, so that not all come back at once. */
export const RETRY_AFTER_MAX_SECONDS = 3;

/** The same where so many are turned away that their return is spread over a longer time. */
export const RETRY_AFTER_CROWD_MAX_SECONDS = 10;

/** The time over which claims are counted against a limit for an address or a user. */
export const RATE_WINDOW_MS = 60_000;

/** How often a worker makes sure that its lanes still run one job at a time: Redis may have forgotten. */
export const GLOBAL_CONCURRENCY_EVERY_MS = 1_000;

/** Such intervals without an answer after which the worker makes its connection anew: nobody is at its other end any more. */
export const GLOBAL_CONCURRENCY_SILENT_INTERVALS_MAX = 4;

/** How often open live pages are told what is new: a number that moves three times a second looks alive. */
export const LIVE_FRAME_EVERY_MS = 333;

/** How often lanes, workers and which coupons to show are looked at while a live page is open. */
export const LIVE_LOOK_EVERY_MS = 1_000;

/** How often the claims of the coupons on the live page are counted, and compared with their stock. */
export const LIVE_COMPARE_EVERY_MS = 2_000;

/** Between two such counts MongoDB is left alone for so many times as long as the first one took. */
export const LIVE_COMPARE_PAUSE_TIMES = 50;

/** Claims of a coupon that are counted for the live page: beyond them, `npm run audit` counts. */
export const LIVE_COMPARE_MAX_CLAIMS = 20_000;

/** Coupons on the live page: what fits on one, and what one read brings. */
export const LIVE_COUPONS_MAX = 12;

/** The latest claims that are looked through for coupons to show. */
export const LIVE_CLAIMS_LOOKED_AT_MAX = 200;

/** Seconds of outcomes and answer times that a live page is given when it opens. */
export const LIVE_HISTORY_SECONDS = 180;

/** Live pages open at one API process: a wall of screens, and everybody at their desk. */
export const LIVE_PAGES_MAX = 500;

/** What may wait to be sent to one live page: more, and it is told nothing new until it has read that. */
export const LIVE_PAGE_BUFFER_MAX_BYTES = 128 * 1024;

/** For how long a live page may read nothing, before its connection is closed. */
export const LIVE_PAGE_STALLED_MAX_MS = 30_000;

/** How long a live page has to read what is left for it, when its API stops. */
export const LIVE_PAGE_END_MAX_MS = 500;

/** When a live page whose connection broke tries again. */
export const LIVE_RETRY_MS = 1_000;

/** Users, units and presses of a test sale: some seconds of work. */
export const TEST_SALE_USERS_MAX = 5_000;
export const TEST_SALE_UNITS_MAX = 5_000;
export const TEST_SALE_PRESSES_MAX = 3;

/** Claims that a test sale has under way at once. */
export const TEST_SALE_CALLERS_MAX = 128;

/** How often a test sale tells how far it is. */
export const TEST_SALE_TELL_EVERY_MS = 100;

/** How long a handler may take, given the wait of a deployment. */
export const handlerTimeoutMs = (waitMs: number): number => waitMs + HANDLER_MARGIN_MS;

/** How long shutting down may take, given the wait of a deployment: longer than any handler. */
export const graceMs = (waitMs: number): number => handlerTimeoutMs(waitMs) + GRACE_MARGIN_MS;

/** The age of a lane's oldest claim at which it takes no more than a job may hold: later ones would mostly wait in vain. */
export const laneAgeMaxMs = (waitMs: number): number => waitMs / 2;
