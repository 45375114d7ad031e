import type { Logger } from '@flashclaim/runtime';
import type { ModelRedis } from './model-redis.ts';
import type { ModelStore } from './model-store.ts';
import type { Process, World } from './world.ts';

/** The stores that all processes share. */
export interface Stores {
  store: ModelStore;
  redis: ModelRedis;
}

/** A logger that writes into the trace. */
export const logTo = (world: World, { name }: Process): Logger => {
  const log = (fields: unknown, text?: string) =>
    world.trace(() => `${name} logs: ${text ?? ''} ${JSON.stringify(fields)}`);
  return { warn: log, info: log, debug: log } as unknown as Logger;
};
