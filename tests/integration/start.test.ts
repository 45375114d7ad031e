import { join } from 'node:path';
import { readEnv } from '@flashclaim/api/env';
import { newCoupon } from '@flashclaim/core';
import { startProcess } from '@flashclaim/local-stack';
import { StartError } from '@flashclaim/runtime';
import { connectMongo } from '@flashclaim/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openOwnStores } from '../support/own-stores.ts';
import { openStores, type TestStores } from '../support/stores.ts';

const SERVER = join(import.meta.dirname, '../../apps/api/src/server.ts');
const WORKER = join(import.meta.dirname, '../../apps/worker/src/worker.ts');

let stores: TestStores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores.close());

/** Runs an app that is expected to refuse to start. */
const run = async (script: string, env: NodeJS.ProcessEnv) => {
  const lines: string[] = [];
  const handle = await startProcess({
    name: 'app',
    command: process.execPath,
    args: [script],
    env: { ...process.env, ...stores.env, PORT: '0', ...env },
    output: (line) => void lines.push(line),
  });
  return { exit: await handle.exited, said: lines.join('\n') };
};

describe('a wrong setting stops the start with a sentence that names it', () => {
  test.each([
    ['PORT', '99999'],
    ['PORT', 'http'],
    ['CLAIM_LANES', '0'],
    ['CLAIM_LANES', '1.5'],
    ['CLAIM_WAIT_MS', '-1'],
    ['CLAIMS_PENDING_MAX', 'many'],
    ['REQUEST_RECEIVE_MS', '0'],
    ['LOG_LEVEL', 'loud'],
    ['MONGO_URI', 'localhost:27017'],
    ['MONGO_DB', 'a/b'],
    ['REDIS_URL', 'localhost'],
    ['ALLOW_OPEN_ADMIN', 'yes'],
  ])('%s=%s', (name, value) => {
    expect(() => readEnv({ [name]: value })).toThrow(new RegExp(`^The setting ${name} is .*\\.$`));
  });

  test('the API does not open admin calls to others by accident', () => {
    expect(() => readEnv({ HOST: '0.0.0.0' })).toThrow(/HOST is 0\.0\.0\.0.*ADMIN_TOKEN.*ALLOW_OPEN_ADMIN=true/);
  });

  test.each([
    ['api', SERVER, 'ADMIN_TOKEN', 'short'],
    ['worker', WORKER, 'REDIS_URL', 'http://localhost'],
  ])('the process of the %s ends, and its message does not contain a secret', async (app, script, name, value) => {
    const { exit, said } = await run(script, { [name]: value });
    expect(exit.code).toBe(1);
    expect(said).toMatch(new RegExp(`^${app}: The setting ${name} is .*\\.$`));
    expect(said).not.toContain('short');
  });
});

describe('MONGO_URI must not weaken a guarantee', () => {
  const uriWith = (option: string) => `mongodb://user:secret@127.0.0.1:1/?serverSelectionTimeoutMS=300&${option}`;

  test.each([
    ['readConcernLevel', 'readConcernLevel=local'],
    ['readConcernLevel', 'READCONCERNLEVEL=available'],
    ['readConcernLevel', 'readConcernLevel=linearizable'],
    ['readPreference', 'readPreference=secondaryPreferred'],
    ['readPreference', 'readpreference=nearest'],
    ['w', 'w=1'],
    ['w', 'W=0'],
    ['journal', 'journal=false'],
    ['journal', 'j=false'],
    ['wtimeoutMS', 'wtimeoutMS=100'],
    ['wtimeoutMS', 'wtimeout=100'],
    ['promoteValues', 'promoteValues=false'],
    ['promoteLongs', 'promoteLongs=false'],
    ['useBigInt64', 'useBigInt64=true&promoteLongs=true'],
    ['raw', 'raw=true'],
  ])('%s: %s', async (name, option) => {
    const refused = await connectMongo(uriWith(option), 'any', {}).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StartError);
    const { message } = refused as Error;
    expect(message).toMatch(new RegExp(`^MONGO_URI sets ${name} to \\w+, .*: remove ${name} from it\\.$`));
    expect(message).not.toContain('secret');
  });

  test.each(['readConcernLevel=majority', 'readPreference=primary', 'w=majority', 'journal=true', 'retryWrites=false'])(
    '%s is fine',
    async (option) => {
      await expect(connectMongo(uriWith(option), 'any', {})).rejects.toThrow("can't be reached");
    },
  );

  test.each([SERVER, WORKER])('%s does not start', async (script) => {
    const { exit, said } = await run(script, { MONGO_URI: `${stores.env.MONGO_URI}&readConcernLevel=local` });
    expect(exit.code).toBe(1);
    expect(said).toMatch(/^(api|worker): MONGO_URI sets readConcernLevel to local, /);
  });
});

describe('nothing starts', () => {
  test('on a Redis that evicts', async () => {
    const own = await openOwnStores();
    try {
      await own.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
      for (const script of [SERVER, WORKER]) {
        const { exit, said } = await run(script, { REDIS_URL: own.env.REDIS_URL });
        expect(exit.code).toBe(1);
        expect(said).toContain('set it to noeviction');
      }
    } finally {
      await own.close();
    }
  });

  test('without the unique indexes', async () => {
    const { mongo } = stores;
    await mongo.coupons.dropIndex('name_1');
    const double = newCoupon({ name: 'double', amount: 1 }, new Date());
    await mongo.coupons.insertMany([{ ...double }, { ...double }]);
    for (const script of [SERVER, WORKER]) {
      const { exit, said } = await run(script, {});
      expect(exit.code).toBe(1);
      expect(said).toMatch(/The indexes of ".*coupons" can't be built/);
    }
  });

  test('without MongoDB or Redis', async () => {
    const nowhere = await run(SERVER, { MONGO_URI: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300' });
    expect(nowhere.said).toMatch(/^api: MongoDB can't be reached at MONGO_URI \(127\.0\.0\.1:1\)/);
    expect(nowhere.exit.code).toBe(1);
  });
});
