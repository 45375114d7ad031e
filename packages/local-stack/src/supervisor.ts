/**
 * A process between the parent and one child. It has its own session, so that Ctrl-C in a terminal reaches only the parent,
 * which stops the children in order. When the channel to the parent breaks, because the parent died, it stops its child and
 * exits.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { lockFolder } from './folder-lock.ts';
import type { Command, Report } from './supervisor-messages.ts';

/** Default time for a child to stop after SIGTERM. */
const GRACE_MS = 10_000;

const owner = process.ppid;
let child: ChildProcess | undefined;
let stopping = false;

const report = (message: Report, then?: () => void): void => {
  if (process.connected) process.send?.(message, () => then?.());
  else then?.();
};

const exitWith = (message: Report): void => {
  stopping = true;
  report(message, () => process.exit());
};

const start = async ({ command, args, folder, port }: Extract<Command, { do: 'start' }>): Promise<void> => {
  if (folder) {
    const holder = await lockFolder(folder, () => ({ owner, stopping, ...(port !== undefined && { port }) }));
    if (holder) return exitWith({ is: 'refused', owner: holder.owner });
  }
  // The command to stop may have come during the wait for the folder.
  if (stopping) return exitWith({ is: 'exited', code: 0, signal: null });
  child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  child.on('error', (error) => exitWith({ is: 'failed', message: error.message }));
  child.on('exit', (code, signal) => exitWith({ is: 'exited', code, signal }));
  if (child.pid) report({ is: 'started', pid: child.pid });
};

const stop = (graceMs: number): void => {
  stopping = true;
  if (!child) return;
  child.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
  setTimeout(() => child?.kill('SIGKILL'), graceMs);
};

process.on('message', (command: Command) => {
  if (command.do === 'stop') return stop(command.graceMs);
  start(command).catch((error: Error) => exitWith({ is: 'failed', message: error.message }));
});
process.on('disconnect', () => {
  if (!child) process.exit();
  stop(GRACE_MS);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(GRACE_MS));
