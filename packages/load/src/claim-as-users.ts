/**
 * A process that claims as made-up users. It gets a `UserLoad` as a message from its parent, answers with its progress, and ends
 * after the last answer, or with its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpSender } from './http-sender.ts';

export interface UserLoad {
  /** Of the claim call. */
  url: string;
  headers: Record<string, string>;
  couponName: string;
  users: number;
  /** How often each user claims, one claim after the other. */
  attempts: number;
  /** Claims in flight. */
  callers: number;
  reportEveryMs: number;
}

export interface UserProgress {
  done: number;
  /** Answers by their code: `claimed` for 200, and `no_answer` where the connection failed. */
  counts: Record<string, number>;
  /** Whether all users have all their answers. */
  isEnd: boolean;
}

const run = async (load: UserLoad): Promise<void> => {
  const { couponName: coupon_name, users, attempts, callers, reportEveryMs } = load;
  const { origin, pathname: path } = new URL(load.url);
  const headers = { ...load.headers, 'content-type': 'application/json' };
  const sender = new HttpSender();
  const counts: Record<string, number> = {};
  let [done, nextUser] = [0, 1];

  const claim = async (user_id: string): Promise<string> => {
    const body = JSON.stringify({ user_id, coupon_name });
    const { status, body: answer } = await sender.send(origin, { method: 'POST', path, headers, body });
    return status === 200 ? 'claimed' : String(answer?.code ?? status);
  };
  const call = async (): Promise<void> => {
    while (nextUser <= users) {
      const user = `test-user-${nextUser++}`;
      for (let attempt = 0; attempt < attempts; attempt++) {
        const code = await claim(user).catch(() => 'no_answer');
        counts[code] = (counts[code] ?? 0) + 1;
        done++;
      }
    }
  };
  const report = (isEnd: boolean): Promise<void> =>
    new Promise((resolve) => process.send?.({ done, counts, isEnd } satisfies UserProgress, () => resolve()));

  const all = Promise.all(Array.from({ length: callers }, call)).then(() => true);
  while (!(await Promise.race([all, sleep(reportEveryMs, false)]))) await report(false);
  await report(true);
  sender.close();
  process.disconnect();
};

process.once('message', (load: UserLoad) => void run(load));
process.once('disconnect', () => process.exit());
