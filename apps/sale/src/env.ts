import { readSettings } from '@flashclaim/runtime/read-settings';
import { Type } from '@sinclair/typebox';

const settings = {
  ADMIN_TOKEN: Type.Optional(Type.String({ writeOnly: true })),
  CLAIM_API_KEYS: Type.Optional(Type.String({ writeOnly: true })),
};

/** The credentials of the server under test, as in its own environment. Nothing else in this package reads the environment. */
export const readEnv = () => {
  const { ADMIN_TOKEN, CLAIM_API_KEYS } = readSettings(settings, process.env);
  return { adminToken: firstOf(ADMIN_TOKEN), claimKey: firstOf(CLAIM_API_KEYS) };
};

/** Both may list several, separated by commas. */
const firstOf = (list: string | undefined): string | undefined => list?.split(',')[0]?.trim();
