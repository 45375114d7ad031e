import { commonSettings, namedStores } from '@flashclaim/core';
import { readSettings } from '@flashclaim/runtime';

const settings = {
  MONGO_URI: namedStores.MONGO_URI,
  MONGO_DB: commonSettings.MONGO_DB,
};

/** The settings of these commands. Nothing else in this package reads the environment. */
export const readEnv = () => readSettings(settings, process.env);
