import { graceMs } from '@flashclaim/core';
import { failStart } from '@flashclaim/runtime';
import closeWithGrace from 'close-with-grace';
import { buildApp } from './app.ts';
import { type Env, readEnv } from './env.ts';

/**
 * The backlog of the listening socket, up to the system's `net.core.somaxconn`. Node's default is 511; of 10,000
 * callers at once, the others would have to connect again after one or three seconds.
 */
const LISTEN_BACKLOG_MAX = 8_192;

/** Starts the API. On a signal it rejects new requests, answers the waiting callers, then closes its connections. */
const run = async (env: Env): Promise<void> => {
  const app = await buildApp(env);
  closeWithGrace({ delay: graceMs(env.CLAIM_WAIT_MS), logger: app.log }, async ({ signal, err }) => {
    if (err) app.log.fatal(err, 'the API stops on an error');
    else app.log.info({ signal }, 'the API answers its waiting callers and stops');
    await app.close();
  });
  await app.listen({ host: env.HOST, port: env.PORT, backlog: LISTEN_BACKLOG_MAX });
};

try {
  await run(readEnv());
} catch (error) {
  failStart('api', error);
}
