import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StartError } from '@flashclaim/runtime';
import { inUse } from './folder-lock.ts';
import type { Command, Report } from './supervisor-messages.ts';

export interface ProcessOptions {
  /** Its name in messages. */
  name: string;
  command: string;
  args?: string[];
  /** The whole environment; by default that of this process. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Where standard output and error go: to those of this process (default), nowhere, to the end of a file, or by line to a function. */
  output?: 'inherit' | 'ignore' | { file: string } | ((line: string) => void);
  /** A data folder to lock: only one such process on this machine may use it at a time. */
  folder?: string;
  /** The port of its server; other processes can read it from the lock of the folder. */
  port?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProcessHandle {
  name: string;
  /** The process id of the process itself, not of its supervisor. */
  pid: number;
  /** Resolves once the process and its supervisor have ended, for any reason. Never rejects. */
  exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL after `graceMs` (default 10,000; 0 is at once). Resolves once it has ended. */
  stop(graceMs?: number): Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

const GRACE_MS = 10_000;
const SUPERVISOR = join(import.meta.dirname, 'supervisor.ts');

const running = new Set<ProcessHandle>();

/** Stops every process that was started here and still runs. Call it before the exit. */
export const stopEveryProcess = async (graceMs = GRACE_MS): Promise<void> => {
  await Promise.all([...running].map((handle) => handle.stop(graceMs)));
};

/**
 * Starts a process under a supervisor, which stops it when this process ends in any way. Its standard input is closed.
 * @throws StartError if the command can't be run or another process uses the folder.
 */
export const startProcess = async (options: ProcessOptions): Promise<ProcessHandle> => {
  const supervisor = spawnSupervisor(options);
  // Unlike "exit", "close" comes after the last line of output.
  const closed = once(supervisor, 'close');
  const { command, args = [], folder, port } = options;
  const last = lastReport(supervisor);
  const started = new Promise<Report>((resolve) => supervisor.once('message', resolve));
  send(supervisor, { do: 'start', command, args, ...(folder && { folder }), ...(port !== undefined && { port }) });
  const first = await Promise.race([started, last]);
  if (first?.is !== 'started') {
    await closed;
    throw new StartError(whyNotStarted(options, first));
  }
  const { pid } = first;
  const exited = closed.then(async (): Promise<Exit> => {
    const report = await last;
    if (report?.is === 'exited') return { code: report.code, signal: report.signal };
    // The supervisor was killed. Without it the child would outlive this process.
    sendSignal(pid, 'SIGKILL');
    return { code: null, signal: 'SIGKILL' };
  });
  const stop = (graceMs = GRACE_MS) => {
    send(supervisor, { do: 'stop', graceMs });
    return exited;
  };
  const handle = { name: options.name, pid, exited, stop, kill: (signal: NodeJS.Signals) => sendSignal(pid, signal) };
  running.add(handle);
  exited.then(() => running.delete(handle));
  return handle;
};

const spawnSupervisor = ({ env, cwd, output = 'inherit' }: ProcessOptions): ChildProcess => {
  const file = typeof output === 'object' ? openSync(output.file, 'a') : undefined;
  const where = file ?? (typeof output === 'function' ? 'pipe' : (output as 'inherit' | 'ignore'));
  const supervisor = spawn(process.execPath, [SUPERVISOR], {
    stdio: ['ignore', where, where, 'ipc'],
    detached: true,
    ...(env && { env }),
    ...(cwd && { cwd }),
  });
  if (file !== undefined) closeSync(file);
  if (typeof output === 'function')
    for (const stream of [supervisor.stdout, supervisor.stderr])
      if (stream) createInterface({ input: stream }).on('line', output);
  return supervisor;
};

/** The last message before the channel closes, if any. */
const lastReport = (supervisor: ChildProcess): Promise<Report | undefined> => {
  let report: Report | undefined;
  supervisor.on('message', (message: Report) => {
    report = message;
  });
  return new Promise((resolve) => supervisor.once('disconnect', () => resolve(report)));
};

const send = (supervisor: ChildProcess, command: Command): void => {
  // A supervisor that is exiting needs no command.
  if (supervisor.connected) supervisor.send(command, () => {});
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
  return `${name} was stopped before it started.`;
};
