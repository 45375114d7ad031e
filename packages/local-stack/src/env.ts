import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { commonSettings, namedStores } from '@flashclaim/core';
import { readSettings } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';

const settings = {
  ...namedStores,
  MONGO_DB: commonSettings.MONGO_DB,
  PORT: Type.Integer({ default: 8080, minimum: 1, maximum: 65_535 }),
  HOST: Type.String({ default: '127.0.0.1' }),
  XDG_CACHE_HOME: Type.String({ default: join(homedir(), '.cache') }),
  PATH: Type.String({ default: '' }),
};

/** The settings of the local stack. Nothing else in this package reads the environment. */
export const readEnv = () => {
  const { PATH, XDG_CACHE_HOME, ...rest } = readSettings(settings, process.env);
  return {
    ...rest,
    searchPath: PATH.split(delimiter).filter(Boolean),
    cacheFolder: join(XDG_CACHE_HOME, 'flashclaim'),
  };
};
export type Env = ReturnType<typeof readEnv>;

/** The environment of a child process: this one, with additions. */
export const environmentWith = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({ ...process.env, ...more });
