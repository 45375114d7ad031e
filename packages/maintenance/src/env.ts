import { commonSettings } from '@flashclaim/core';
import { readSettings } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';

const settings = {
  MONGO_URI: Type.Optional(Type.String({ pattern: commonSettings.MONGO_URI.pattern ?? '', writeOnly: true })),
  MONGO_DB: commonSettings.MONGO_DB,
};

/** The settings of these commands. Nothing else in this package reads the environment. */
export const readEnv = () => readSettings(settings, process.env);
