import { ANSWER_TIMEOUT_MS } from '@flashclaim/core';
import { answersChannel } from '@flashclaim/lanes';
import { createRedis, type Logger, type RedisConnection } from '@flashclaim/runtime';
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

/**
 * Subscribes to the answers to this process's jobs, on a connection of its own. Redis keeps no message for a subscriber that is
 * not connected: after each reconnect, the jobs in flight are checked.
 *
 * A subscriber sends nothing, so it does not notice that its server is gone, or is no longer the primary, or that a Redis Cluster
 * lost the subscription. So this process sends itself a test message every second, on the connection that enqueues jobs. Where
 * Redis takes it and nothing arrives, the connection for answers is replaced.
 * Resolves, once it is subscribed, to the function that closes it.
 */
export const subscribeToAnswers = async ({
  redisUrl,
  commands,
  claimPath,
  log,
}: AnswersOptions): Promise<() => void> => {
  const channel = answersChannel(claimPath.processId);
  const { promise: subscribed, resolve } = Promise.withResolvers<void>();
  let isTested = false;
  let hasArrived = false;

  const connect = (): RedisConnection => {
    const connection = createRedis(redisUrl, { maxRetriesPerRequest: null, autoResubscribe: false });
    connection.on('error', (error: Error) =>
      log.warn({ error: error.message }, 'the connection for answers is broken; it reconnects by itself'),
    );
    connection.on('message', (_channel: string, message: string) => {
      hasArrived = true;
      if (message !== TEST_MESSAGE) claimPath.receive(message);
    });
    const begin = () => {
      resolve();
      // A test that was sent before could not arrive.
      isTested = false;
      claimPath.recover();
    };
    // Where Redis refuses it, no test message arrives.
    connection.on('ready', () => connection.subscribe(channel).then(begin, () => {}));
    return connection;
  };
  let connection = connect();

  const test = () => {
    if (isTested && !hasArrived) {
      log.warn('answers no longer arrive; the connection for answers is replaced');
      connection.disconnect();
      connection = connect();
    }
    isTested = false;
    hasArrived = false;
    commands.publish(channel, TEST_MESSAGE).then(
      () => {
        isTested = true;
      },
      () => {},
    );
  };
  const timer = setInterval(test, ANSWER_TIMEOUT_MS);
  await subscribed;
  return () => {
    clearInterval(timer);
    connection.disconnect();
  };
};
