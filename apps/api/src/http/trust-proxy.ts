import { isIP } from 'node:net';
import { StartError } from '@flashclaim/runtime';

const NAMED_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal']);

type TrustProxy = string | false | ReturnType<typeof hops>;

/** Trusts the last `count` addresses as our own proxies. */
const hops = (count: number) => (_address: string, hop: number) => hop < count;

/**
 * Which proxies may name the client's address (`X-Forwarded-For`), from the setting TRUST_PROXY: none by default; this number
 * of proxies in front of the API, where `true` means one; or the proxies with these addresses.
 * @throws StartError on any other value.
 */
export const trustProxy = (setting: string | undefined): TrustProxy => {
  if (setting === undefined || setting === 'false') return false;
  if (setting === 'true') return hops(1);
  if (/^\d{1,2}$/.test(setting)) return hops(Number(setting));
  if (setting.split(',').every((part) => NAMED_RANGES.has(part.trim()) || isRange(part.trim()))) return setting;
  throw new StartError(
    `The setting TRUST_PROXY is "${setting}", but it must be true, a number of proxies, or their addresses (IP or CIDR) separated by commas.`,
  );
};

const isRange = (text: string): boolean => {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (version === 4 ? 32 : 128))
  );
};
