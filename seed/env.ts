import { commonSettings } from '@flashclaim/core';
import { readSettings } from '@flashclaim/runtime';

const { MONGO_URI, MONGO_DB } = commonSettings;

/** The settings of the seed. Nothing else in this folder reads the environment. */
export const readEnv = () => readSettings({ MONGO_URI, MONGO_DB }, process.env);
