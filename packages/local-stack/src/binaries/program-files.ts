import { access, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Longer than any download: an older folder was left by a killed process. */
const ABANDONED_MS = 3_600_000;

/** Whether a path has a program that this process may run. */
export const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * Downloads into a temporary folder and renames at the end, so that neither a crash nor a second process leaves a partial
 * file. `download` gets an empty folder, and resolves to the path in it that becomes the target.
 */
export const downloadInto = async <T extends { path: string }>(
  target: string,
  download: (folder: string) => Promise<T>,
): Promise<T> => {
  const cacheFolder = dirname(target);
  await mkdir(cacheFolder, { recursive: true });
  await removeAbandoned(cacheFolder);
  const folder = await mkdtemp(join(cacheFolder, 'download-'));
  try {
    const got = await download(folder);
    await rename(got.path, target).catch(unlessPresent);
    return got;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** A folder that is not empty stays: another process has put it there meanwhile. A file would be replaced. */
const unlessPresent = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
};

const removeAbandoned = async (cacheFolder: string): Promise<void> => {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith('download-')) continue;
    const folder = join(cacheFolder, name);
    // Another process may remove its folder at this moment.
    const found = await stat(folder).catch(() => undefined);
    // biome-ignore lint/plugin/wall-clock: the age of a timestamp on a file.
    if (found && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(folder, { recursive: true, force: true });
  }
};
