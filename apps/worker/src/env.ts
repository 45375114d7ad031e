import { commonSettings } from '@flashclaim/core';
import { readSettings } from '@flashclaim/service';

/** The worker's settings: the only place here that reads the environment. */
export const readEnv = () => readSettings(commonSettings, process.env);
export type Env = ReturnType<typeof readEnv>;
