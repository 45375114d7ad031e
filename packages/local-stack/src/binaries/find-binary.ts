import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '@flashclaim/runtime';
import type { Env } from '../env.ts';
import type { Log } from '../log.ts';
import { downloadInto, isProgram } from './program-files.ts';

/** A server program that runs on this machine. */
export interface Binary {
  path: string;
  version: string;
  from: 'PATH' | 'cache' | 'download';
}

/** One way to get a missing server program. */
export interface Download {
  /** Completes "from …". */
  from: string;
  /** Whether it exists for this kind of machine. */
  possible: boolean;
  /** Downloads it into the folder and resolves to its path there. Rejects if that fails. */
  into(folder: string): Promise<string>;
}

/** A server program to find, and what to do if it is missing. */
export interface Wanted {
  name: string;
  /** Names on the PATH, the preferred one first, which is also its name in the cache. */
  commands: [string, ...string[]];
  versionPattern: RegExp;
  oldest: [major: number, minor: number];
  downloads: Download[];
  /** What a person should do if nothing worked. */
  advice: string;
}

const VERSION_TIMEOUT_MS = 15_000;

/**
 * Finds a server program: on the PATH, in the cache, or by a download, in this order.
 * @throws StartError with the advice if none of these has a program that runs.
 */
export const findBinary = async (wanted: Wanted, env: Env, log: Log): Promise<Binary> => {
  for (const command of wanted.commands) {
    for (const folder of env.searchPath) {
      const path = join(folder, command);
      const version = await usableVersion(path, wanted);
      if (version) return { path, version, from: 'PATH' };
    }
  }
  const cached = join(env.cacheFolder, wanted.commands[0]);
  const version = await usableVersion(cached, wanted);
  if (version) return { path: cached, version, from: 'cache' };
  for (const download of wanted.downloads.filter(({ possible }) => possible)) {
    log(wanted.name, `downloading from ${download.from} (once)`);
    try {
      const { version: fresh } = await downloadUsable(cached, download, wanted);
      log(wanted.name, `downloaded ${fresh} to ${cached}`);
      return { path: cached, version: fresh, from: 'download' };
    } catch (error) {
      log(wanted.name, `not available from ${download.from}: ${(error as Error).message}`);
    }
  }
  throw new StartError(wanted.advice);
};

/** The version of the program at a path; undefined if it is missing, does not run, or is too old. */
const usableVersion = async (path: string, { versionPattern, oldest }: Wanted): Promise<string | undefined> => {
  if (!(await isProgram(path))) return undefined;
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    const version = versionPattern.exec(stdout)?.[1];
    const [major = 0, minor = 0] = version?.split('.').map(Number) ?? [];
    return major > oldest[0] || (major === oldest[0] && minor >= oldest[1]) ? version : undefined;
  } catch {
    return undefined;
  }
};

const downloadUsable = (target: string, download: Download, wanted: Wanted) =>
  downloadInto(target, async (folder) => {
    const path = await download.into(folder);
    await chmod(path, 0o755);
    const version = await usableVersion(path, wanted);
    if (!version) throw new Error('the downloaded program does not run on this machine');
    return { path, version };
  });
