import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { seedCoupons } from '@flashclaim/seed';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as markdown from '../support/markdown.ts';
import { type System, startSystem } from '../support/system.ts';

/** The address that the documents name. */
const BASE_URL = 'http://127.0.0.1:8080';

/** How a block of a language is run: the name of its file, and the command for it. */
const PROGRAMS: Record<string, { file: string; command: string[] }> = {
  sh: { file: 'block.sh', command: ['bash', '-e'] },
  ts: { file: 'block.ts', command: [process.execPath] },
  js: { file: 'block.mjs', command: [process.execPath] },
  python: { file: 'block.py', command: ['python3'] },
  go: { file: 'block.go', command: ['go', 'run'] },
};

/** A figure that somebody measured: throughput, answer time, processor time or memory. */
const FIGURE = /claims\/s|\d claims a second|\bp99\b|µs|\d [KM]B\b/;
/** Where a run is described: results, and decisions that measured. */
const RUN = /results\/[\w-]+\.md|decisions\/\d{4}/;

const documents = markdown.listDocuments();
const guides = documents.filter((file) => file === 'README.md' || dirname(file) === 'docs');
/** In the order of a reader: their blocks share one database. */
const blocks = [...new Set(['README.md', 'packages/client/README.md', 'seed/README.md', ...guides])].flatMap(
  markdown.blocksOf,
);

test('every block of code says that it is run, or why it is skipped', () => {
  const unmarked = blocks.filter(({ mark, note }) => mark === '' || (mark === 'skip' && note === ''));
  expect(unmarked.map(({ where }) => where)).toEqual([]);
});

test('every relative link leads to a file and a heading that exist', () => {
  const broken = documents.flatMap((file) =>
    markdown
      .relativeLinksOf(file)
      .filter((link) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? file : join(dirname(file), decodeURI(path));
        if (!existsSync(join(markdown.ROOT, target))) return true;
        return anchor !== undefined && !markdown.anchorsOf(target).includes(anchor);
      })
      .map((link) => `${file}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('every section of a guide that has a measured figure names its run', () => {
  const nameless = guides.flatMap((file) =>
    markdown
      .sectionsOf(file)
      .filter((section) => FIGURE.test(section) && !RUN.test(section))
      .map((section) => `${file}: ${section.split('\n', 1)[0]}`),
  );
  expect(nameless).toEqual([]);
});

/** False where `go run` would first compile Go's own library for a minute. */
const isGoReady = (): boolean =>
  spawnSync('go', ['list', '-f', '{{.Stale}}', 'net/http'], { encoding: 'utf8' }).stdout?.trim() === 'false';

describe('a block runs as printed', () => {
  let system: System;
  let folder: string;
  beforeAll(async () => {
    system = await startSystem();
    await seedCoupons(system.stores.mongo.db);
    folder = await mkdtemp(join(tmpdir(), 'flashclaim-documents-'));
    // A block imports the client by its name.
    await symlink(join(markdown.ROOT, 'tests/node_modules'), join(folder, 'node_modules'));
    // Otherwise an error status is a success for curl.
    await writeFile(join(folder, '.curlrc'), 'fail\n');
  });
  afterAll(async () => {
    await system?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  const run = async ({ code }: markdown.CodeBlock, { file, command }: { file: string; command: string[] }) => {
    const [program = '', ...options] = command;
    await writeFile(join(folder, file), code.replaceAll(BASE_URL, system.urls[0] as string));
    const env = { ...process.env, CURL_HOME: folder, ADMIN_TOKEN: 'the API of this test needs none' };
    const { stdout } = await promisify(execFile)(program, [...options, file], { cwd: folder, env });
    return stdout.replaceAll(/[^\S\n]+/g, ' ');
  };

  test.for(blocks.filter(({ mark }) => mark === 'run'))('$where ($language)', async (block, { skip }) => {
    const program = PROGRAMS[block.language];
    if (!program) throw new Error(`${block.where}: no program runs ${block.language}: mark it as skip, or add one`);
    skip(block.language === 'go' && !isGoReady(), 'go is not installed, or has to compile first: go build net/http');
    const printed = await run(block, program);
    for (const text of block.note.split('; ')) expect(printed).toContain(text);
  });
});
