import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startStores } from '@flashclaim/local-stack';
import { StartError } from '@flashclaim/runtime';
import { bar, clearProgress, count, showProgress, timesTable } from '@flashclaim/terminal';
import { openStoresAt } from '../support/stores.ts';
import { startSystem } from '../support/system.ts';
import { wholeNumber } from '../support/whole-number.ts';
import { ACCESS_NAMES, type Access, type AccessName, accessOf } from './access.ts';
import { type FuzzOptions, fuzz } from './fuzz.ts';

const USAGE = `npm run fuzz -- [options]
  --minutes N    duration for each access (default: 1)
  --requests N   number of requests instead
  --access A     who may call: open, keys or tokens (default: each in turn)
  --seed S       repeats the requests of this seed (default: random)
  --url URL      a running open API with a test database (by default one is started, with a worker)
  --help         prints this`;

interface Options {
  url: string | undefined;
  seed: number;
  accesses: readonly AccessName[];
  stop: FuzzOptions['stop'];
}

/**
 * Ends this process after `--help`.
 * @throws StartError with the usage if an option is wrong.
 */
const readOptions = (args: string[]): Options => {
  try {
    const string = { type: 'string' } as const;
    const { values } = parseArgs({
      args,
      options: {
        minutes: string,
        requests: string,
        access: string,
        seed: string,
        url: string,
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const { minutes = '1', requests, access, seed, url } = values;
    const accesses = ACCESS_NAMES.filter((name) => name === (url ? 'open' : (access ?? name)));
    if (accesses.length === 0) throw new Error(`--access must be ${ACCESS_NAMES.join(', ')}`);
    return {
      url,
      accesses,
      seed: seed === undefined ? randomInt(2 ** 31) : wholeNumber('--seed', seed),
      stop:
        requests === undefined
          ? { afterMs: wholeNumber('--minutes', minutes) * 60_000 }
          : { afterRequests: wholeNumber('--requests', requests) },
    };
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
};

/** Starts a system, calls `use` with its address, and stops the system. */
const withSystem = async <T>({ env }: Access, use: (url: string) => Promise<T>): Promise<T> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-fuzz-'));
  const servers = await startStores({ dataDir, log: (name, text) => console.log(`${name.padEnd(9)} ${text}`) });
  try {
    const system = await startSystem({ stores: await openStoresAt(servers), env });
    try {
      return await use(system.urls[0] as string);
    } finally {
      await system.close();
    }
  } finally {
    await servers.stop(0);
    await rm(dataDir, { recursive: true, force: true });
  }
};

const run = async ({ url, seed, accesses, stop }: Options): Promise<void> => {
  for (const name of accesses) {
    console.log(`fuzz: access ${name}, seed ${seed}`);
    const access = await accessOf(name);
    const start = performance.now();
    const fuzzAt = (at: string) => {
      const startedAt = performance.now();
      const onProgress = (requests: number) => {
        const part =
          'afterMs' in stop ? bar(performance.now() - startedAt, stop.afterMs) : bar(requests, stop.afterRequests);
        showProgress(`${part}  ${count(requests)} requests`);
      };
      return fuzz({ url: at, seed, access, stop, onProgress }).finally(clearProgress);
    };
    const coverage = await (url ? fuzzAt(url) : withSystem(access, fuzzAt));
    const answers = [...coverage].sort(([one], [other]) => (one < other ? -1 : 1));
    const total = [...coverage.values()].reduce((sum, times) => sum + times, 0);
    console.log(
      `\n${timesTable('answer', answers)}\n\n${count(total)} requests in ${((performance.now() - start) / 1000).toFixed(0)} s, all answered as documented\n`,
    );
  }
};

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof StartError ? error.message : (error as Error).message);
  process.exitCode = 1;
}
