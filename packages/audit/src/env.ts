import { commonSettings, namedStores } from '@flashclaim/core';
import { readSettings } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';

const settings = {
  MONGO_URI: namedStores.MONGO_URI,
  MONGO_DB: commonSettings.MONGO_DB,
  /** File for the result in the format of Prometheus. */
  AUDIT_METRICS_FILE: Type.Optional(Type.String()),
};

/** The settings of the audit. Nothing else in this package reads the environment. */
export const readEnv = () => readSettings(settings, process.env);
