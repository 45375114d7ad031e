import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** A mutation: a text that a source file contains exactly once, and its replacement. */
export interface Mutation {
  file: string;
  instead: string;
  of: string;
}

export interface MutatedApps {
  /** The folder of the apps. */
  apps: string;
  remove(): Promise<void>;
}

/** Copies all apps and packages and applies the mutations to the copy. It shares the packages from npm. */
export const mutateApps = async (mutations: readonly Mutation[]): Promise<MutatedApps> => {
  const root = await mkdtemp(join(tmpdir(), 'flashclaim-mutated-'));
  // Links between packages are relative, so those in the copy point to the copy.
  for (const folder of ['apps', 'packages'])
    await cp(join(ROOT, folder), join(root, folder), { recursive: true, verbatimSymlinks: true });
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const { file, instead, of } of mutations) {
    const parts = (await readFile(join(root, file), 'utf8')).split(of);
    if (parts.length !== 2)
      throw new Error(`${file} contains "${of}" ${parts.length - 1} times instead of once: update the mutation`);
    await writeFile(join(root, file), parts.join(instead));
  }
  return { apps: join(root, 'apps'), remove: () => rm(root, { recursive: true, force: true }) };
};
