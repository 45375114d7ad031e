import { readFile, rename } from 'node:fs/promises';

/** Renames the log of the last start to `.previous.log`, so that logs do not grow without limit. */
export const rotateLogFile = async (file: string): Promise<void> => {
  await rename(file, file.replace(/\.log$/, '.previous.log')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
};

/** The lines of a log file, the last one first. */
export const readLinesBackwards = async (file: string): Promise<string[]> => {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).reverse();
};
