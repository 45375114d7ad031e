import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who uses a data folder. */
export interface Holder {
  /** The process that started the server. */
  owner: number;
  /** The server is on its way out, and the folder will soon be free. */
  stopping: boolean;
  /** Where it serves, if it is a server. */
  port?: number;
}

/** Longer than a guardian gives its server to stop. */
const WAIT_MAX_MS = 15_000;
const POLL_MS = 100;

/**
 * Takes a folder for this process until it exits, or says who has it. Waits for a holder that is stopping.
 * The lock is a listening socket and not a file with a process id: the kernel lets go of it whatever way the process
 * dies, and a process id that was given away again can't be mistaken for the holder.
 */
export const holdFolder = async (folder: string, describe: () => Holder): Promise<Holder | undefined> => {
  const deadline = performance.now() + WAIT_MAX_MS;
  for (;;) {
    if (await listen(addressOf(folder), describe)) return undefined;
    const holder = await findHolder(folder);
    if (holder && (!holder.stopping || performance.now() > deadline)) return holder;
    await sleep(POLL_MS);
  }
};

/** Who uses the folder now, or undefined where it is free. */
export const findHolder = async (folder: string): Promise<Holder | undefined> => {
  const socket = connect(addressOf(folder));
  try {
    return JSON.parse(await text(socket)) as Holder;
  } catch (error) {
    // Outside Linux the address is a file, which a killed process leaves behind.
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') forget(addressOf(folder));
    return undefined;
  }
};

/** Why somebody who wants the folder can't have it, as a sentence. */
export const inUse = (folder: string, owner: number): string =>
  `The data folder ${folder} is in use by another start (process ${owner}): stop that one first.`;

/** On Linux a name that lives in the kernel only; elsewhere a file with a name short enough for a socket. */
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
