import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartError } from '@flashclaim/runtime/read-settings';
import type { Adapter } from './adapters/adapter.ts';
import type { SaleClient } from './sale-client.ts';

/** A server, and how to talk to it. */
export interface SaleTarget {
  client: SaleClient;
  adapter: Adapter;
  url: string;
}

const OWN = { flashclaim: './adapters/flashclaim.ts', minimal: './adapters/minimal.ts' } as const;

/** The adapter of this name, or of this file. @throws StartError if the file exports none. */
export const findAdapter = async (name: string): Promise<Adapter> => {
  const own = Object.hasOwn(OWN, name) ? OWN[name as keyof typeof OWN] : undefined;
  const file = own ?? pathToFileURL(isAbsolute(name) ? name : resolve(name)).href;
  try {
    const { adapter } = (await import(file)) as { adapter?: Adapter };
    if (adapter) return adapter;
  } catch (error) {
    throw new StartError(
      `--adapter must be ${Object.keys(OWN).join(', ')} or a file; "${name}" can't be read: ${(error as Error).message}`,
    );
  }
  throw new StartError(`--adapter: ${name} must export an adapter, as apps/sale/src/adapters/minimal.ts does.`);
};
