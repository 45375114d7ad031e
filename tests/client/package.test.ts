import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@flashclaim/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type System, startSystem } from '../support/system.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'packages/client');
const BIN = 'node_modules/.bin';
const TOOLS = join(ROOT, 'tests', BIN);
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

/** Packs the client into a new folder of the shop. Returns the tarball, and the files in it with their content. */
const pack = async (manager: string, ...options: string[]) => {
  const folder = join(shop, manager);
  await mkdir(folder);
  await run(
    PACKAGE,
    manager === 'npm' ? 'npm' : join(ROOT, BIN, manager),
    'pack',
    '--pack-destination',
    folder,
    ...options,
  );
  const [name = ''] = await readdir(folder);
  const tarball = join(folder, name);
  await run(folder, 'tar', '-xzf', tarball);
  const entries = await readdir(join(folder, 'package'), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = paths.map(async (path) => [relative(join(folder, 'package'), path), await readFile(path, 'utf8')]);
  return { tarball, files: Object.fromEntries(await Promise.all(files)) as Record<string, string> };
};

let system: System;
let shop: string;
let byNpm: Awaited<ReturnType<typeof pack>>;
let byPnpm: Awaited<ReturnType<typeof pack>>;
beforeAll(async () => {
  system = await startSystem();
  await createClient({ baseUrl: system.urls[0] as string }).createCoupon({ name: 'PROMO_SUPER', amount: 2 });
  shop = await mkdtemp(join(tmpdir(), 'flashclaim-shop-'));
  await writeFile(join(shop, 'package.json'), '{ "type": "module", "private": true }');
  byNpm = await pack('npm');
  // One build is enough: the managers differ in which files they take and in what they change in the manifest.
  byPnpm = await pack('pnpm', '--config.ignore-scripts=true');
  await run(shop, 'npm', 'install', '--offline', '--no-audit', '--no-fund', byNpm.tarball);
});
afterAll(async () => {
  await system?.close();
  await rm(shop, { recursive: true, force: true });
});

describe('the packed client', () => {
  /** What a user of the package reads of its manifest; the managers treat scripts differently. */
  const manifestOf = ({ files }: typeof byNpm) => {
    const { scripts: _, ...manifest } = JSON.parse(files['package.json'] ?? '');
    return manifest;
  };

  test('is the same by npm and by pnpm', () => {
    expect(manifestOf(byPnpm)).toEqual(manifestOf(byNpm));
    expect({ ...byPnpm.files, 'package.json': '' }).toEqual({ ...byNpm.files, 'package.json': '' });
  });

  test('has a source map for each file, and the sources that the maps name', () => {
    const built = Object.keys(byNpm.files).filter((name) => /\.(js|d\.ts)$/.test(name));
    expect(built).toContain('dist/index.js');
    for (const name of built) {
      const { sources } = JSON.parse(byNpm.files[`${name}.map`] ?? '') as { sources: string[] };
      for (const source of sources) expect(byNpm.files).toHaveProperty([join('dist', source)]);
    }
  });

  test('has the version of the repository, its license and its readme', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(manifestOf(byNpm)).toMatchObject({ version, license: 'Apache-2.0' });
    expect(byNpm.files['LICENSE']).toBe(await readFile(join(ROOT, 'LICENSE'), 'utf8'));
    expect(byNpm.files).toHaveProperty(['README.md']);
    expect(await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8')).toContain(`\n## [${version}] - 20`);
  });

  test('passes publint', () => run(ROOT, join(TOOLS, 'publint'), '--strict', byNpm.tarball));

  test('passes arethetypeswrong', () => run(PACKAGE, join(TOOLS, 'attw'), byNpm.tarball));
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
