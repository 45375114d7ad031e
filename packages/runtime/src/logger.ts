import { inspect } from 'node:util';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { StartError } from './read-settings.ts';
import { withoutPassword } from './without-password.ts';

export type { Logger };

/** Where a secret may stand in what is logged: in headers, and in the commands that an error of ioredis carries. */
const SECRETS = ['req.headers.authorization', 'headers.authorization', 'err.command.args', 'error.command.args'];

interface MoreOfLogger {
  /** Fields that every line gets, asked for line by line. */
  mixin?: (() => object) | undefined;
  /** Where lines go instead. */
  destination?: DestinationStream;
}

/** JSON lines, or a readable form where a person looks at a terminal. Secrets are never in them. */
export const createLogger = (name: string, level: string, { mixin, destination }: MoreOfLogger = {}): Logger => {
  const options: LoggerOptions = {
    name,
    level,
    ...(mixin ? { mixin } : {}),
    redact: SECRETS,
    // The last thing that happens to a line, whatever it is made of.
    hooks: { streamWrite: withoutPassword },
  };
  if (destination) return pino(options, destination);
  if (!process.stdout.isTTY) return pino(options);
  const pretty = { ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' };
  return pino({ ...options, transport: { target: 'pino-pretty', options: pretty } });
};

/** Says why a program does not start, and ends it. */
export const failStart = (name: string, error: unknown): never => {
  console.error(withoutPassword(error instanceof StartError ? `${name}: ${error.message}` : inspect(error)));
  process.exit(1);
};
