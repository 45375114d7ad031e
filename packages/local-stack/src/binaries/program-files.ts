import { access, constants, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Longer than any download takes: whatever is older was left by a process that was killed. */
const ABANDONED_MS = 3_600_000;

/** Whether there is a program at a path that we may run. */
export const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * Downloads beside the target and renames at the end, so that neither a crash nor a second process leaves half of it.
 * `download` gets an empty folder, and resolves to what in it is to become the target; so does this.
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
    await rename(got.path, target);
    return got;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const removeAbandoned = async (cacheFolder: string): Promise<void> => {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith('download-')) continue;
    const folder = join(cacheFolder, name);
    const { mtimeMs } = await stat(folder);
    // biome-ignore lint/plugin/wall-clock: the age of a stamp on a file.
    if (Date.now() - mtimeMs > ABANDONED_MS) await rm(folder, { recursive: true, force: true });
  }
};
