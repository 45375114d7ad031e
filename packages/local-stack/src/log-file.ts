import { readFile, rename } from 'node:fs/promises';

/** A new log for each start, and the one before it: a file that only grows would fill the disk some day. */
export const renewLogFile = async (file: string): Promise<void> => {
  await rename(file, file.replace(/\.log$/, '.previous.log')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
};

/** The lines of a log file, the last one first. */
export const readLinesBackwards = async (file: string): Promise<string[]> => {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).reverse();
};
