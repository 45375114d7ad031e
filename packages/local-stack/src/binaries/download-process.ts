import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessOptions, startProcess } from '../start-process.ts';

/** A download without new bytes for this long has stalled. */
const STALLED_MS = 20_000;
const CHECK_EVERY_MS = 1_000;
const SAY_EVERY_MS = 5_000;
const WHOLE_MAX_MS = 900_000;

interface DownloadProcess extends Pick<ProcessOptions, 'command' | 'args' | 'env'> {
  /** Where the program writes to. The process is stopped when this folder stops growing. */
  folder: string;
  /** Gets a progress message every few seconds. */
  say(text: string): void;
}

/**
 * Runs a program that downloads something. It runs as a separate process so that a stalled download can be stopped.
 * Rejects with what the program printed if it fails.
 */
export const runDownload = async ({ folder, say, ...options }: DownloadProcess): Promise<void> => {
  const lines: string[] = [];
  const output = (line: string) => void lines.push(line);
  const download = await startProcess({ ...options, name: options.command, output, cwd: folder });
  const watch = watchFolder(folder, () => download.stop(0), say);
  const { code } = await download.exited;
  clearInterval(watch.timer);
  if (code !== 0) throw new Error(watch.reason ?? lines.join('\n'));
};

const watchFolder = (folder: string, stop: () => void, say: (text: string) => void) => {
  const started = performance.now();
  let bytes = 0;
  let grown = started;
  let said = started;
  const watch: { reason?: string; timer: NodeJS.Timeout } = {
    timer: setInterval(async () => {
      const now = performance.now();
      const size = await sizeOf(folder);
      if (size > bytes) {
        bytes = size;
        grown = now;
      }
      if (now - said > SAY_EVERY_MS) {
        said = now;
        say(`${Math.round(bytes / 1_000_000)} MB so far`);
      }
      if (now - grown < STALLED_MS && now - started < WHOLE_MAX_MS) return;
      watch.reason = `nothing arrived for ${STALLED_MS / 1000} s`;
      stop();
    }, CHECK_EVERY_MS),
  };
  return watch;
};

const sizeOf = async (folder: string): Promise<number> => {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    // A file may be renamed between the listing and the stat.
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
};
