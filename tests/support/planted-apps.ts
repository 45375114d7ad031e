import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** A bug: a text of a source file, found in it exactly once, and what is to stand there instead. */
export interface Plant {
  file: string;
  instead: string;
  of: string;
}

export interface PlantedApps {
  /** The folder of the apps. */
  apps: string;
  remove(): Promise<void>;
}

/** A copy of all apps and packages with bugs planted in it; what comes from npm is shared. */
export const plantApps = async (plants: readonly Plant[]): Promise<PlantedApps> => {
  const root = await mkdtemp(join(tmpdir(), 'flashclaim-planted-'));
  // Their links to each other and to node_modules are relative, and so lead to the copies.
  for (const folder of ['apps', 'packages'])
    await cp(join(ROOT, folder), join(root, folder), { recursive: true, verbatimSymlinks: true });
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const { file, instead, of } of plants) {
    const parts = (await readFile(join(root, file), 'utf8')).split(of);
    if (parts.length !== 2)
      throw new Error(`${file} holds "${of}" ${parts.length - 1} times: the bug can't be planted, mend the plant`);
    await writeFile(join(root, file), parts.join(instead));
  }
  return { apps: join(root, 'apps'), remove: () => rm(root, { recursive: true, force: true }) };
};
