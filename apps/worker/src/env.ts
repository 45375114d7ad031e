import { commonSettings } from '@flashclaim/core';
import { readSettings } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';

/** The worker's settings by name. */
export const settings = {
  ...commonSettings,
  HOST: Type.String({ default: '127.0.0.1' }),
  /** The default is `DEFAULT_PORT`, or any free port if that is in use. */
  WORKER_PORT: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
};

/** The port for health and metrics, without `WORKER_PORT`. */
export const DEFAULT_PORT = 8081;

/** Reads the worker's settings. Only this file of the worker reads the environment. */
export const readEnv = () => readSettings(settings, process.env);
export type Env = ReturnType<typeof readEnv>;
