import { inspect } from 'node:util';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { StartError } from './read-settings.ts';
import { withoutPassword } from './without-password.ts';

export type { Logger };

/** Fields of a log line that may contain secrets: headers, and the commands in an error of ioredis. */
const SECRETS = ['req.headers.authorization', 'headers.authorization', 'err.command.args', 'error.command.args'];

interface LoggerExtras {
  /** Returns fields for every line, and is called for each line. */
  mixin?: (() => object) | undefined;
  /** The stream for the lines, instead of stdout. */
  destination?: DestinationStream;
}

/** Creates a logger. It writes JSON lines, or readable text to a terminal, without secrets. */
export const createLogger = (name: string, level: string, { mixin, destination }: LoggerExtras = {}): Logger => {
  const options: LoggerOptions = {
    name,
    level,
    ...(mixin ? { mixin } : {}),
    redact: SECRETS,
    // Runs on the complete line, so it covers every field.
    hooks: { streamWrite: withoutPassword },
  };
  if (destination) return pino(options, destination);
  if (!process.stdout.isTTY) return pino(options);
  const pretty = { ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' };
  return pino({ ...options, transport: { target: 'pino-pretty', options: pretty } });
};

/** Prints why a program does not start, and exits with code 1. */
export const failStart = (name: string, error: unknown): never => {
  console.error(withoutPassword(error instanceof StartError ? `${name}: ${error.message}` : inspect(error)));
  process.exit(1);
};
