import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** The process that uses a data folder. */
export interface Holder {
  /** The process that started the server. */
  owner: number;
  /** The server is stopping, and the folder will soon be free. */
  stopping: boolean;
  /** The port of the server, if it is one. */
  port?: number;
}

/** Longer than the time in which a supervisor stops its server. */
const WAIT_MAX_MS = 15_000;
const POLL_MS = 100;

/**
 * Locks a folder for this process until it exits, or resolves to the current holder. Waits for a holder that is stopping.
 * The lock is a listening socket and not a file with a process id: the kernel releases it however the process dies, and a
 * reused process id can't be confused with the holder.
 */
export const lockFolder = async (folder: string, describe: () => Holder): Promise<Holder | undefined> => {
  const deadline = performance.now() + WAIT_MAX_MS;
  for (;;) {
    if (await listen(addressOf(folder), describe)) return undefined;
    const holder = await findHolder(folder);
    if (holder && (!holder.stopping || performance.now() > deadline)) return holder;
    await sleep(POLL_MS);
  }
};

/** The current holder of the folder, or undefined if it is free. */
export const findHolder = async (folder: string): Promise<Holder | undefined> => {
  const socket = connect(addressOf(folder));
  try {
    return JSON.parse(await text(socket)) as Holder;
  } catch (error) {
    // Outside Linux the address is a file, and a killed process does not remove it.
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') forget(addressOf(folder));
    return undefined;
  }
};

/** The error message for a folder that is in use. */
export const inUse = (folder: string, owner: number): string =>
  `The data folder ${folder} is in use by another start (process ${owner}): stop that one first.`;

/** On Linux an abstract socket, which has no file; elsewhere a file with a name short enough for a socket. */
const addressOf = (folder: string): string => {
  mkdirSync(folder, { recursive: true });
  const hash = createHash('sha256').update(realpathSync(folder)).digest('hex').slice(0, 32);
  return process.platform === 'linux' ? `\0flashclaim-${hash}` : join(tmpdir(), `flashclaim-${hash}.sock`);
};

const forget = (address: string): void => {
  if (!address.startsWith('\0')) rmSync(address, { force: true });
};

const listen = async (address: string, describe: () => Holder): Promise<boolean> => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(describe()));
  });
  try {
    server.listen(address);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.unref();
  process.once('exit', () => forget(address));
  return true;
};
