import { WORKER_GRACE_MS } from '@flashclaim/core';
import { failStart } from '@flashclaim/runtime';
import closeWithGrace from 'close-with-grace';
import { buildWorker } from './build-worker.ts';
import { readEnv } from './env.ts';

try {
  const env = readEnv();
  const { log, port, close } = await buildWorker(env);
  log.info({ lanes: env.CLAIM_LANES, host: env.HOST, port }, 'worker takes jobs');

  closeWithGrace({ delay: WORKER_GRACE_MS, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal(err, 'worker stops on an error');
    else log.info({ signal }, 'worker finishes its jobs and stops');
    await close();
  });
} catch (error) {
  failStart('worker', error);
}
