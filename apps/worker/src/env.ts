import { commonSettings } from '@flashclaim/core';
import { readSettings } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';

const settings = {
  ...commonSettings,
  HOST: Type.String({ default: '127.0.0.1' }),
  /** Without it, the port below, or any free one where that is taken. */
  WORKER_PORT: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
};

/** Where a worker tells its health and metrics, unless another port is named. */
export const USUAL_PORT = 8081;

/** The worker's settings: the only place here that reads the environment. */
export const readEnv = () => readSettings(settings, process.env);
export type Env = ReturnType<typeof readEnv>;
