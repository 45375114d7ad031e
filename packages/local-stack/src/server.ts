import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '@flashclaim/runtime';
import { findHolder } from './folder-lock.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import { renewLogFile } from './log-file.ts';
import { type Exit, type ProcessHandle, startProcess } from './start-process.ts';

/** A server that runs here. Its port and data stay the same through every stop and start. */
export interface ServerHandle {
  readonly name: string;
  readonly version: string;
  readonly port: number;
  /** Of the server itself; another one after each start. */
  readonly pid: number;
  /** Resolves when the run that is under way ends, however it ends. */
  readonly exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL after `graceMs` (default 10,000; 0 is at once). Resolves once it is gone. */
  stop(graceMs?: number): Promise<void>;
  /** Starts it again after `stop` or a crash. Resolves once it serves. */
  start(): Promise<void>;
  /** For faults: the server gets the signal, nobody is told. */
  kill(signal: NodeJS.Signals): void;
}

export interface ServerOptions {
  name: string;
  version: string;
  command: string;
  argsFor(port: number): string[];
  folder: string;
  logFile: string;
  /** One look whether the process serves; throws where it does not yet. May do what is needed to make it serve. */
  prepare(port: number, pid: number): Promise<void>;
  /** The last thing the server said, after it stopped while starting. */
  lastWords(): Promise<string>;
  port?: number | undefined;
}

/** Recovery after a crash may read a long journal. */
const READY_MAX_MS = 60_000;
const LOOK_EVERY_MS = 25;

/** A free port may be lost between the look and the start. */
const PORTS_MAX = 3;

/**
 * Starts a server and waits until it serves.
 * @throws StartError where it stops before that or somebody else uses the folder.
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
  // A server that runs keeps its log; ours is going to be refused.
  if (!(await findHolder(folder))) await renewLogFile(logFile);
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
        throw new StartError(`${name} stopped while starting (${describe(exit)}): ${await options.lastWords()}`);
      if (performance.now() > deadline) {
        await server.stop();
        throw new StartError(`${name} did not serve within ${READY_MAX_MS / 1000} s: ${(error as Error).message}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }
};

/** How a process ended, in words. */
export const describe = ({ code, signal }: Exit): string => (signal ? `killed by ${signal}` : `exit code ${code}`);
