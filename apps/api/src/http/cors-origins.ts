import { StartError } from '@flashclaim/runtime';

/**
 * Which origins may call the API from a browser, from the setting CORS_ORIGINS: none by default; every one (`*`); or those of a
 * list that is separated by commas. A browser sends an origin in one exact form, so a list must contain that form.
 * @throws StartError on any other value.
 */
export const corsOrigins = (setting: string | undefined): '*' | readonly string[] | undefined => {
  if (setting === undefined || setting === '*') return setting;
  const origins = setting.split(',').map((part) => part.trim());
  for (const origin of origins) {
    const exact = exactForm(origin);
    if (origin !== exact)
      throw new StartError(
        `The setting CORS_ORIGINS has "${origin}", but it must be *, or origins such as https://shop.example separated by commas` +
          `${exact === undefined ? '' : `: write ${exact}`}.`,
      );
  }
  return origins;
};

/** The form in which a browser sends an origin. Undefined for what has none, and for `null`, which any sandboxed page may send. */
const exactForm = (text: string): string | undefined => {
  // A URL may have a * in its host, but no origin is compared by a pattern.
  if (!URL.canParse(text) || text.includes('*')) return undefined;
  const { protocol, username, password, origin } = new URL(text);
  return /^https?:$/.test(protocol) && !username && !password ? origin : undefined;
};
