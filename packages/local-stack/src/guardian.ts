/**
 * A process of its own between us and each child. It is in a session of its own, so that Ctrl-C in a terminal reaches
 * only the one who stops the children in order; and when the channel to its parent breaks, however the parent died,
 * it stops its child and goes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { holdFolder } from './folder-lock.ts';
import type { Order, Report } from './guardian-messages.ts';

/** What a child gets to stop by itself where nobody says otherwise. */
const GRACE_MS = 10_000;

const owner = process.ppid;
let child: ChildProcess | undefined;
let stopping = false;

const report = (message: Report, then?: () => void): void => {
  if (process.connected) process.send?.(message, () => then?.());
  else then?.();
};

const leave = (message: Report): void => {
  stopping = true;
  report(message, () => process.exit());
};

const start = async ({ command, args, folder, port }: Extract<Order, { do: 'start' }>): Promise<void> => {
  if (folder) {
    const holder = await holdFolder(folder, () => ({ owner, stopping, ...(port !== undefined && { port }) }));
    if (holder) return leave({ is: 'refused', owner: holder.owner });
  }
  // The order to stop may have come while the folder was waited for.
  if (stopping) return leave({ is: 'exited', code: 0, signal: null });
  child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  child.on('error', (error) => leave({ is: 'failed', message: error.message }));
  child.on('exit', (code, signal) => leave({ is: 'exited', code, signal }));
  if (child.pid) report({ is: 'started', pid: child.pid });
};

const stop = (graceMs: number): void => {
  stopping = true;
  if (!child) return;
  child.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
  setTimeout(() => child?.kill('SIGKILL'), graceMs);
};

process.on('message', (order: Order) => {
  if (order.do === 'stop') return stop(order.graceMs);
  start(order).catch((error: Error) => leave({ is: 'failed', message: error.message }));
});
process.on('disconnect', () => {
  if (!child) process.exit();
  stop(GRACE_MS);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(GRACE_MS));
