import { type Logger, pino } from 'pino';

export type { Logger };

/** JSON lines, or a readable form where a person looks at a terminal. Secrets are never in them. */
export const createLogger = (name: string, level: string): Logger =>
  pino({
    name,
    level,
    redact: ['req.headers.authorization', 'headers.authorization'],
    ...(process.stdout.isTTY && {
      transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' } },
    }),
  });
