import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '@flashclaim/runtime';
import { findHolder } from './folder-lock.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import { rotateLogFile } from './log-file.ts';
import { type Exit, type ProcessHandle, startProcess } from './start-process.ts';

/** A server on this machine. It keeps its port and its data over every stop and start. */
export interface ServerHandle {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  /** The process id of the server itself; it changes with each start. */
  readonly pid: number;
  /** Resolves when the current run ends, for any reason. */
  readonly exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL after `graceMs` (default 10,000; 0 is at once). Resolves once it is gone. */
  stop(graceMs?: number): Promise<void>;
  /** Starts it again after `stop` or a crash. Resolves once it is ready. */
  start(): Promise<void>;
  /** Sends a signal to the server, for fault tests. */
  kill(signal: NodeJS.Signals): void;
}

export interface ServerOptions {
  name: string;
  version: string;
  command: string;
  argsFor(port: number): string[];
  folder: string;
  logFile: string;
  /** One attempt to make the process ready. Rejects if it is not ready yet. */
  prepare(port: number, pid: number): Promise<void>;
  /** The last error in the server's log, after it stopped during its start. */
  lastError(): Promise<string>;
  port?: number | undefined;
}

/** Recovery after a crash may read a long journal. */
const READY_MAX_MS = 60_000;
const CHECK_EVERY_MS = 25;

/** Another process may take a free port before the server starts; then another port is tried. */
const PORTS_MAX = 3;

/**
 * Starts a server and waits until it is ready.
 * @throws StartError if it stops before that or another process uses the folder.
 */
export const startServer = async (options: ServerOptions): Promise<ServerHandle> => {
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await findFreePort());
    try {
      return handleOf(options, port, await launch(options, port));
    } catch (error) {
      const portLost = options.port === undefined && !(await isPortFree(port, '127.0.0.1'));
      if (!portLost || tries === PORTS_MAX) throw error;
    }
  }
};

const handleOf = (options: ServerOptions, port: number, first: ProcessHandle): ServerHandle => {
  let current = first;
  return {
    name: options.name,
    version: options.version,
    port,
    get pid() {
      return current.pid;
    },
    get exited() {
      return current.exited;
    },
    stop: async (graceMs) => void (await current.stop(graceMs)),
    start: async () => {
      current = await launch(options, port);
    },
    kill: (signal) => current.kill(signal),
  };
};

const launch = async (options: ServerOptions, port: number): Promise<ProcessHandle> => {
  const { name, command, folder, logFile } = options;
  // If another server uses the folder, it keeps its log, and this start will fail.
  if (!(await findHolder(folder))) await rotateLogFile(logFile);
  const server = await startProcess({ name, command, args: options.argsFor(port), folder, port, output: 'ignore' });
  let exit: Exit | undefined;
  server.exited.then((how) => {
    exit = how;
  });
  const deadline = performance.now() + READY_MAX_MS;
  for (;;) {
    try {
      await options.prepare(port, server.pid);
      return server;
    } catch (error) {
      if (exit)
        throw new StartError(`${name} stopped while starting (${describe(exit)}): ${await options.lastError()}`);
      if (performance.now() > deadline) {
        await server.stop();
        throw new StartError(`${name} was not ready within ${READY_MAX_MS / 1000} s: ${(error as Error).message}`);
      }
      await sleep(CHECK_EVERY_MS);
    }
  }
};

/** Describes how a process ended. */
export const describe = ({ code, signal }: Exit): string => (signal ? `killed by ${signal}` : `exit code ${code}`);
