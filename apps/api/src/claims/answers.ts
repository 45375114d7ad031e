import { ANSWER_TIMEOUT_MS, REDIS_SILENCE_MAX_MS } from '@flashclaim/core';
import { answersChannel } from '@flashclaim/lanes';
import { createRedis, type Logger, type RedisConnection, StartError } from '@flashclaim/runtime';
import type { ClaimPath } from './claim-path.ts';

/** No answer: this process sends it to itself, to test whether answers arrive. */
const TEST_MESSAGE = '';

export interface AnswersOptions {
  redisUrl: string;
  /** The connection that enqueues jobs. */
  commands: RedisConnection;
  claimPath: Pick<ClaimPath, 'processId' | 'receive' | 'recover'>;
  log: Pick<Logger, 'warn'>;
}

/** A message that this process sent to itself. */
interface Test {
  /** Redis has taken it. */
  isTaken: boolean;
  hasArrived: boolean;
}

/**
 * Subscribes to the answers to this process's jobs, on a connection of its own. Redis keeps no message for a subscriber that is
 * not connected: after each reconnect, the jobs in flight are checked.
 *
 * A subscriber sends nothing, so it does not notice that its server is gone, or is no longer the primary, or that a Redis Cluster
 * lost the subscription. So this process sends itself a test message every second, on the connection that enqueues jobs. Where
 * Redis takes it and nothing arrives, the connection for answers is replaced.
 * Resolves, once it is subscribed, to the function that closes it.
 * @throws StartError where Redis refuses the subscription or the messages.
 */
export const subscribeToAnswers = async (options: AnswersOptions): Promise<() => void> => {
  const answers = new AnswerConnection(options);
  try {
    await answers.subscribed;
  } catch (error) {
    answers.close();
    throw new StartError(
      `Redis at REDIS_URL refuses what answers need: ${(error as Error).message}. ` +
        'Allow its user the channels &flashclaim:* (see docs/deploy.md).',
    );
  }
  return () => answers.close();
};

class AnswerConnection {
  /** Rejects where Redis refuses it at the start. */
  readonly subscribed: Promise<void>;
  readonly #options: AnswersOptions;
  readonly #channel: string;
  readonly #timer: NodeJS.Timeout;
  readonly #started = Promise.withResolvers<void>();
  #connection: RedisConnection;
  #connectedAt = 0;
  #isSubscribed = false;
  #test: Test | undefined;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#channel = answersChannel(options.claimPath.processId);
    this.subscribed = this.#started.promise;
    this.#connection = this.#connect();
    this.#sendTest();
    this.#timer = setInterval(() => this.#check(), ANSWER_TIMEOUT_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#connection.disconnect();
  }

  #connect(): RedisConnection {
    const { redisUrl, claimPath, log } = this.#options;
    const connection = createRedis(redisUrl, { maxRetriesPerRequest: null, autoResubscribe: false });
    this.#connectedAt = performance.now();
    this.#lost();
    connection.on('error', (error: Error) =>
      log.warn({ error: error.message }, 'the connection for answers is broken; it reconnects by itself'),
    );
    connection.on('close', () => {
      if (connection === this.#connection) this.#lost();
    });
    connection.on('ready', () => {
      connection.subscribe(this.#channel).then(
        () => {
          if (connection !== this.#connection) return;
          this.#isSubscribed = true;
          this.#started.resolve();
          claimPath.recover();
        },
        (error: Error) => this.#refused(error),
      );
    });
    connection.on('message', (_channel: string, message: string) => {
      if (this.#test) this.#test.hasArrived = true;
      if (message !== TEST_MESSAGE) claimPath.receive(message);
    });
    return connection;
  }

  /** A test that was sent before can't arrive. */
  #lost(): void {
    this.#isSubscribed = false;
    this.#test = undefined;
  }

  #check(): void {
    const { commands, log } = this.#options;
    const isSilent = this.#isSubscribed && this.#test?.isTaken && !this.#test.hasArrived;
    // While Redis is down, the connection tries by itself.
    const isStuck =
      !this.#isSubscribed &&
      commands.status === 'ready' &&
      performance.now() - this.#connectedAt > REDIS_SILENCE_MAX_MS;
    if (isSilent || isStuck) {
      log.warn('answers do not arrive; the connection for answers is replaced');
      this.#connection.disconnect();
      this.#connection = this.#connect();
    }
    this.#sendTest();
  }

  #sendTest(): void {
    const test: Test = { isTaken: false, hasArrived: false };
    this.#test = this.#isSubscribed ? test : undefined;
    this.#options.commands.publish(this.#channel, TEST_MESSAGE).then(
      () => {
        test.isTaken = true;
      },
      (error: Error) => this.#refused(error),
    );
  }

  /** Other errors mean that Redis is down, or that the connection was closed. */
  #refused(error: Error): void {
    if (!error.message.startsWith('NOPERM')) return;
    this.#options.log.warn(
      { error: error.message },
      'Redis refuses the answers to claims: allow its user &flashclaim:*',
    );
    this.#started.reject(error);
  }
}
