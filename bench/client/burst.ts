import { execFileSync } from 'node:child_process';
import type { Burst, CountedResult } from '@flashclaim/load';
import { startClient } from './run-client.ts';

const CLIENT = new URL(import.meta.resolve('./burst-client.ts')).pathname;

/** Runs a burst; ends when every caller has an answer or an error. wrk can't count statuses, so this has its own client. */
export const runBurst = async (burst: Burst): Promise<CountedResult> => {
  const { result } = await startClient(process.execPath, [CLIENT, JSON.stringify(burst)]);
  return (await result) as CountedResult;
};

/** Open files of a process besides connections. */
const OTHER_FILES = 200;

/** Why this machine can't open so many connections; undefined if it can. Node.js raises its own limit if allowed. */
export const tooManyConnections = (connections: number): string | undefined => {
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  if (limit === 'unlimited' || Number(limit) >= connections + OTHER_FILES) return undefined;
  return `a process may have ${limit} files open here, and this takes ${connections + OTHER_FILES} (ulimit -Hn)`;
};
