import { isIP } from 'node:net';

const HOST = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d*)?$/;

/**
 * Whether a `Host` header is `localhost` or an IP address, with any port. Every other name is in somebody's DNS: a web page can
 * let its own name point to this machine, and then call this API from the browser of a person who can reach it (DNS rebinding).
 */
export const isLocalHost = (header: string | undefined): boolean => {
  const [, inBrackets, plain] = HOST.exec(header ?? '') ?? [];
  if (inBrackets !== undefined) return isIP(inBrackets) === 6;
  return plain !== undefined && (plain.toLowerCase() === 'localhost' || isIP(plain) === 4);
};
