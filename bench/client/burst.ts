import { execFileSync } from 'node:child_process';
import type { OwnResult } from './own-result.ts';
import { startClient } from './run-client.ts';

const CLIENT = new URL(import.meta.resolve('./burst-client.ts')).pathname;

export interface Burst {
  url: string;
  users: number;
  userPrefix: string;
  couponName: string;
}

/** Ends when every caller has an answer or an error. wrk can't count statuses, so this is a client of our own. */
export const runBurst = async (burst: Burst): Promise<OwnResult> => {
  const { result } = await startClient(process.execPath, [CLIENT, JSON.stringify(burst)]);
  return (await result) as OwnResult;
};

/** Files other than connections that a process has open. */
const OTHER_FILES = 200;

/** Why this machine can't hold so many connections, if it can't. Node.js raises its own limit as far as it may. */
export const tooManyConnections = (connections: number): string | undefined => {
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  if (limit === 'unlimited' || Number(limit) >= connections + OTHER_FILES) return undefined;
  return `a process may have ${limit} files open here, and this takes ${connections + OTHER_FILES} (ulimit -Hn)`;
};
