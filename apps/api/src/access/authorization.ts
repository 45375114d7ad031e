/** A scheme and its credentials. Node joins two such headers by a comma, which no secret contains. */
const AUTHORIZATION = /^(\w+) +(.+)$/;

const credentialsOf = (header: string | undefined, scheme: string): string | undefined => {
  if (header === undefined) return undefined;
  const [, given, credentials] = AUTHORIZATION.exec(header) ?? [];
  return given?.toLowerCase() === scheme ? credentials : undefined;
};

/** The credentials of `Authorization: Bearer`; undefined where there are none. */
export const bearerOf = (header: string | undefined): string | undefined => credentialsOf(header, 'bearer');

/** The password of `Authorization: Basic`, for which browsers ask the user; undefined where there is none. */
export const passwordOf = (header: string | undefined): string | undefined => {
  const credentials = credentialsOf(header, 'basic');
  if (credentials === undefined) return undefined;
  const pair = Buffer.from(credentials, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
};
