import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessOptions, startProcess } from '../start-process.ts';

/** No download grows so slowly that nothing arrives in this time. */
const STALLED_MS = 20_000;
const LOOK_EVERY_MS = 1_000;
const WHOLE_MAX_MS = 900_000;

interface DownloadProcess extends Pick<ProcessOptions, 'command' | 'args' | 'env'> {
  /** What it fills. The process is stopped where this does not grow any more. */
  folder: string;
}

/**
 * Runs a program that downloads something, with its progress in sight where a person looks on.
 * It is a process of its own so that it can be stopped: what it waits for is out of our hands.
 */
export const runDownload = async ({ folder, ...options }: DownloadProcess): Promise<void> => {
  const lines: string[] = [];
  const output = process.stdout.isTTY ? 'inherit' : (line: string) => lines.push(line);
  const download = await startProcess({ ...options, name: options.command, output, cwd: folder });
  const watch = stopWhereStalled(folder, () => download.stop(0));
  const { code } = await download.exited;
  clearInterval(watch.timer);
  if (code === 0) return;
  const lastLine = lines.findLast((line) => line.trim() !== '')?.trim();
  throw new Error(watch.reason ?? lastLine ?? `it ended with code ${code}`);
};

const stopWhereStalled = (folder: string, stop: () => void) => {
  const started = performance.now();
  let bytes = 0;
  let grown = started;
  const watch: { reason?: string; timer: NodeJS.Timeout } = {
    timer: setInterval(async () => {
      const now = performance.now();
      const size = await sizeOf(folder);
      if (size > bytes) {
        bytes = size;
        grown = now;
      }
      if (now - grown < STALLED_MS && now - started < WHOLE_MAX_MS) return;
      watch.reason = `nothing came for ${STALLED_MS / 1000} s`;
      stop();
    }, LOOK_EVERY_MS),
  };
  return watch;
};

const sizeOf = async (folder: string): Promise<number> => {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    // A file may be renamed between the listing and the look at it.
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
};
