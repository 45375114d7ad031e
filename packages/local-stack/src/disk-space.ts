import { mkdir, statfs } from 'node:fs/promises';
import { StartError } from '@flashclaim/runtime';

/** MongoDB's journal alone takes 300 MB, and on a full disk its errors do not say so. */
const FREE_MIN_BYTES = 500_000_000;

/** @throws StartError if the disk of a folder has too little space for the stores. Creates the folder. */
export const requireSpace = async (folder: string, bytes = FREE_MIN_BYTES): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < bytes) throw new StartError(diskFull(folder));
};

/** Whether a message of any program says that a disk is full. */
export const isDiskFull = (message: string): boolean => /ENOSPC|No space left on device/i.test(message);

/** The error message for a full disk. */
export const diskFull = (folder: string): string => `The disk of ${folder} is full: free 1 GB there, then start again.`;
