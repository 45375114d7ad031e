import { CONNECTIONS_COMING_MAX, graceMs } from '@flashclaim/core';
import { failStart } from '@flashclaim/runtime';
import closeWithGrace from 'close-with-grace';
import { buildApp } from './app.ts';
import { type Env, readEnv } from './env.ts';

/** Starts the API. On a signal it rejects new requests, answers the waiting callers, then closes its connections. */
const run = async (env: Env): Promise<void> => {
  const app = await buildApp(env);
  closeWithGrace({ delay: graceMs(env.CLAIM_WAIT_MS), logger: app.log }, async ({ signal, err }) => {
    if (err) app.log.fatal(err, 'the API stops on an error');
    else app.log.info({ signal }, 'the API answers its waiting callers and stops');
    await app.close();
  });
  await app.listen({ host: env.HOST, port: env.PORT, backlog: CONNECTIONS_COMING_MAX });
};

try {
  await run(readEnv());
} catch (error) {
  failStart('api', error);
}
