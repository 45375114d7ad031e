/** A scheme and its credentials. Node joins two such headers by a comma, which no secret contains. */
const AUTHORIZATION = /^(\w+) +(.+)$/;

/** The credentials of `Authorization: Bearer`; undefined where there are none. */
export const bearerOf = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined;
  const [, scheme, credentials] = AUTHORIZATION.exec(header) ?? [];
  return scheme?.toLowerCase() === 'bearer' ? credentials : undefined;
};

/** The password of `Authorization: Basic`, for which browsers ask the user; undefined where there is none. */
export const passwordOf = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined;
  const [, scheme, credentials = ''] = AUTHORIZATION.exec(header) ?? [];
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(credentials, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
};
