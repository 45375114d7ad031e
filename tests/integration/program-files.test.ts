import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadInto } from '@flashclaim/local-stack';
import { afterAll, beforeAll, expect, test } from 'vitest';

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'flashclaim-cache-'));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

test('processes that download the same folder at once all get it complete, and leave nothing else', async () => {
  const target = join(cache, 'browser-1.0');
  const all = Promise.withResolvers<void>();
  let downloads = 0;
  const download = async (folder: string) => {
    const path = join(folder, 'browser');
    await mkdir(path);
    await writeFile(join(path, 'program'), 'complete');
    downloads += 1;
    if (downloads === 3) all.resolve();
    await all.promise;
    return { path };
  };
  await Promise.all([1, 2, 3].map(() => downloadInto(target, download)));
  expect(await readFile(join(target, 'program'), 'utf8')).toBe('complete');
  expect(await readdir(cache)).toEqual(['browser-1.0']);
});
