import { availableParallelism } from 'node:os';
import type { SaleClient } from './sale-client.ts';

/** What a rate depends on. */
export interface Environment {
  /** Of this machine. */
  cores: number;
  /** Calls in flight, at most. */
  connections: number;
  /** Name and version, as far as the server says them. */
  server: string;
  /** Whether the server shares this machine with the simulator. */
  isLocal: boolean;
}

const ANSWER_MAX_MS = 5_000;

export const describeEnvironment = async (
  client: SaleClient,
  url: string,
  connections: number,
): Promise<Environment> => ({
  cores: availableParallelism(),
  connections,
  server: await serverName(client),
  isLocal: /^(localhost|127\..*|\[::1\])$/.test(new URL(url).hostname),
});

/** From the OpenAPI document, or the header `Server`. */
const serverName = async (client: SaleClient): Promise<string> => {
  try {
    const signal = AbortSignal.timeout(ANSWER_MAX_MS);
    const { headers, body } = await client.send({ method: 'GET', path: '/openapi.json' }, signal);
    const { title, version } = body?.info ?? {};
    if (title) return [title, version].filter(Boolean).join(' ');
    return headers.get('server') ?? 'a server without a name';
  } catch {
    return 'a server without a name';
  }
};
