import type { ProcessHandle } from '@flashclaim/local-stack';
import { claim, type Reply } from './call-api.ts';
import type { System } from './system.ts';
import { until } from './until.ts';

/** Claims until the first worker has an active job, and kills that worker. Resolves to the promises of all replies. */
export const killWithJob = async (system: System, url: string, coupon: string): Promise<Promise<Reply>[]> => {
  const [worker] = system.workers as [ProcessHandle];
  const replies: Promise<Reply>[] = [];
  const isActive = async () => (await system.stores.redis.keys('*lane*active')).length > 0;
  await until(async () => {
    for (let i = 0; i < 20; i++) replies.push(claim(url, coupon, `user-${replies.length}`));
    if (!(await isActive())) return false;
    worker.kill('SIGSTOP');
    if (await isActive()) return true;
    worker.kill('SIGCONT');
    return false;
  });
  worker.kill('SIGKILL');
  await worker.exited;
  return replies;
};
