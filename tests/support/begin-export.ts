import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';

/** More claims with `longUser` than a connection buffers, in three ranges of an export. */
export const LONG_EXPORT = 30_000;

/** A user id with nearly 1 KB. */
export const longUser = (sequence: number): string => `${'🎟'.repeat(240)}${sequence}`;

/** Begins an export, and reads no more of it than what arrives with its headers. Ends with the test. */
export const beginExport = async (url: string, accept = 'application/x-ndjson'): Promise<IncomingMessage> => {
  const outgoing = get(url, { agent: false, headers: { accept } });
  onTestFinished(() => void outgoing.destroy());
  const [response] = await once(outgoing, 'response');
  return response;
};
