import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@flashclaim/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type System, startSystem } from '../support/system.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'packages/client');
const BIN = 'node_modules/.bin';
const BASE_URL = 'http://127.0.0.1:8080';

/** Runs a program to its end; what it wrote to its error output is in the error where it fails. */
const run = async (cwd: string, command: string, ...args: string[]): Promise<string> =>
  promisify(execFile)(command, args, { cwd }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string; stderr: string }) => Promise.reject(new Error(`${error.stdout}${error.stderr}`)),
  );

/** The one TypeScript example of a README, for this API. */
const exampleOf = async (readme: string, url: string): Promise<string> => {
  const examples = [...(await readFile(join(ROOT, readme), 'utf8')).matchAll(/^```ts\n(.*?)^```$/gms)];
  expect(examples).toHaveLength(1);
  const example = examples[0]?.[1] ?? '';
  expect(example).toContain(BASE_URL);
  return example.replace(BASE_URL, url);
};

let system: System;
let shop: string;
beforeAll(async () => {
  system = await startSystem();
  await createClient({ baseUrl: system.urls[0] as string }).createCoupon({ name: 'PROMO_SUPER', amount: 2 });
  shop = await mkdtemp(join(tmpdir(), 'flashclaim-shop-'));
  await writeFile(join(shop, 'package.json'), '{ "type": "module", "private": true }');
  await run(PACKAGE, join(ROOT, BIN, 'pnpm'), 'pack', '--pack-destination', shop);
  const [tarball] = (await readdir(shop)).filter((name) => name.endsWith('.tgz'));
  await run(shop, 'npm', 'install', '--offline', '--no-audit', '--no-fund', `./${tarball}`);
});
afterAll(async () => {
  await system?.close();
  await rm(shop, { recursive: true, force: true });
});

describe.each([
  ['README.md', /^claimed at 20\d\d-/, /^not claimed: already_claimed$/],
  ['packages/client/README.md', /^claimed as [0-9a-f-]{36}$/, undefined],
])('a shop that installs the packed client runs the example of %s', (readme, first, second) => {
  beforeAll(async () => {
    await writeFile(join(shop, 'shop.ts'), await exampleOf(readme, system.urls[0] as string));
  });

  test.each([
    ['nodenext', ROOT],
    ['nodenext', PACKAGE],
    ['preserve', ROOT],
  ])('with types, as module %s, by the TypeScript of %s', async (module, typescript) => {
    const options = [
      '--noEmit',
      '--strict',
      '--exactOptionalPropertyTypes',
      '--target',
      'es2022',
      '--lib',
      'es2022,dom',
    ];
    await run(shop, join(typescript, BIN, 'tsc'), ...options, '--module', module, 'shop.ts');
  });

  test('and gets its outcome', async () => {
    expect((await run(shop, process.execPath, 'shop.ts')).trim()).toMatch(first);
    if (second) expect((await run(shop, process.execPath, 'shop.ts')).trim()).toMatch(second);
  });
});
