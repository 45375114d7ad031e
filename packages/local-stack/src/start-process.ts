import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StartError } from '@flashclaim/runtime';
import { inUse } from './folder-lock.ts';
import type { Order, Report } from './guardian-messages.ts';

export interface ProcessOptions {
  /** What a person calls it, for messages. */
  name: string;
  command: string;
  args?: string[];
  /** The whole environment; ours by default. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Where both outputs go: here (the default), nowhere, to the end of a file, or line by line to a function. */
  output?: 'inherit' | 'ignore' | { file: string } | ((line: string) => void);
  /** A data folder that only one such process may use at a time, on this machine. */
  folder?: string;
  /** Where it will serve; told to whoever finds the folder in use. */
  port?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProcessHandle {
  name: string;
  /** Of the process itself, not of its guardian. */
  pid: number;
  /** Resolves once the process and its guardian are gone, whatever ended them. Never rejects. */
  exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL after `graceMs` (default 10,000; 0 is at once). Resolves once it is gone. */
  stop(graceMs?: number): Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

const GRACE_MS = 10_000;
const GUARDIAN = join(import.meta.dirname, 'guardian.ts');

const alive = new Set<ProcessHandle>();

/** Every process that was started here and still runs; for the last look before the end. */
export const stopEveryProcess = async (graceMs = GRACE_MS): Promise<void> => {
  await Promise.all([...alive].map((handle) => handle.stop(graceMs)));
};

/**
 * Starts a process under a guardian, which stops it when this process is gone, however it went. Its standard input is closed.
 * @throws StartError where the command can't be run or somebody else uses the folder.
 */
export const startProcess = async (options: ProcessOptions): Promise<ProcessHandle> => {
  const guardian = spawnGuardian(options);
  // Unlike "exit", "close" comes after the last line of output.
  const gone = once(guardian, 'close');
  const { command, args = [], folder, port } = options;
  const last = lastReport(guardian);
  const started = new Promise<Report>((resolve) => guardian.once('message', resolve));
  send(guardian, { do: 'start', command, args, ...(folder && { folder }), ...(port !== undefined && { port }) });
  const first = await Promise.race([started, last]);
  if (first?.is !== 'started') {
    await gone;
    throw new StartError(whyNotStarted(options, first));
  }
  const { pid } = first;
  const exited = gone.then(async (): Promise<Exit> => {
    const report = await last;
    if (report?.is === 'exited') return { code: report.code, signal: report.signal };
    // Somebody killed the guardian. Without it the child would outlive us.
    sendSignal(pid, 'SIGKILL');
    return { code: null, signal: 'SIGKILL' };
  });
  const stop = (graceMs = GRACE_MS) => {
    send(guardian, { do: 'stop', graceMs });
    return exited;
  };
  const handle = { name: options.name, pid, exited, stop, kill: (signal: NodeJS.Signals) => sendSignal(pid, signal) };
  alive.add(handle);
  exited.then(() => alive.delete(handle));
  return handle;
};

const spawnGuardian = ({ env, cwd, output = 'inherit' }: ProcessOptions): ChildProcess => {
  const file = typeof output === 'object' ? openSync(output.file, 'a') : undefined;
  const where = file ?? (typeof output === 'function' ? 'pipe' : (output as 'inherit' | 'ignore'));
  const guardian = spawn(process.execPath, [GUARDIAN], {
    stdio: ['ignore', where, where, 'ipc'],
    detached: true,
    ...(env && { env }),
    ...(cwd && { cwd }),
  });
  if (file !== undefined) closeSync(file);
  if (typeof output === 'function')
    for (const stream of [guardian.stdout, guardian.stderr])
      if (stream) createInterface({ input: stream }).on('line', output);
  return guardian;
};

/** The last message before the channel closes, if any. */
const lastReport = (guardian: ChildProcess): Promise<Report | undefined> => {
  let report: Report | undefined;
  guardian.on('message', (message: Report) => {
    report = message;
  });
  return new Promise((resolve) => guardian.once('disconnect', () => resolve(report)));
};

const send = (guardian: ChildProcess, order: Order): void => {
  // A guardian that is just leaving has nothing to be told any more.
  if (guardian.connected) guardian.send(order, () => {});
};

const sendSignal = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const whyNotStarted = ({ name, command, folder }: ProcessOptions, report: Report | undefined): string => {
  if (report?.is === 'refused') return inUse(folder ?? '', report.owner);
  if (report?.is === 'failed') return `${name} can't be started (${command}): ${report.message}.`;
  return `${name} was stopped before it had started.`;
};
