import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '@flashclaim/runtime';
import { diskFull, isDiskFull } from '../disk-space.ts';
import type { Env } from '../env.ts';
import type { Log } from '../log.ts';
import { describeFailure } from './describe-failure.ts';
import { downloadInto, isProgram } from './program-files.ts';

/** A server program that runs on this machine. */
export interface Binary {
  path: string;
  version: string;
  /** Where it came from, for messages: completes "from …". */
  from: string;
}

/** One way to get a missing server program. */
export interface Download {
  /** Completes "from …". */
  from: string;
  /** Whether it exists for this kind of machine. */
  possible: boolean;
  /** Downloads it into the folder and resolves to its path there. Rejects with a reason if that fails. */
  into(folder: string, say: (text: string) => void): Promise<string>;
}

/** A server program to find, and what to do if it is missing. */
export interface Wanted {
  name: string;
  /** Names on the PATH, the preferred one first, which is also its name in the cache. */
  commands: [string, ...string[]];
  versionPattern: RegExp;
  oldest: [major: number, minor: number];
  downloads: Download[];
  /** What a person should do if nothing worked: completes a sentence after a colon. */
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
      if (version) return { path, version, from: path };
    }
  }
  const cached = join(env.cacheFolder, wanted.commands[0]);
  const version = await usableVersion(cached, wanted);
  if (version) return { path: cached, version, from: await sourceOf(cached) };
  return await download(cached, wanted, log);
};

/** Tries one source after the other. */
const download = async (target: string, wanted: Wanted, log: Log): Promise<Binary> => {
  const say = (text: string) => log(wanted.name, text);
  const failures: string[] = [];
  for (const source of wanted.downloads.filter(({ possible }) => possible)) {
    say(`downloading from ${source.from} (once)`);
    try {
      const { version } = await downloadUsable(target, source, wanted, say);
      await writeFile(sourceFile(target), source.from);
      return { path: target, version, from: source.from };
    } catch (error) {
      const { message } = error as Error;
      if (isDiskFull(message)) throw new StartError(diskFull(dirname(target)));
      const reason = describeFailure(message);
      failures.push(`${source.from}: ${reason}`);
      say(`not available from there: ${reason}`);
    }
  }
  const why = failures.length > 0 ? failures.join('; ') : `there is none for ${process.platform} on ${process.arch}`;
  throw new StartError(`${wanted.name} is not on the PATH and can't be downloaded (${why}): ${wanted.advice}`);
};

/** Beside a downloaded program: where it came from. */
const sourceFile = (target: string): string => `${target}.source`;

const sourceOf = async (target: string): Promise<string> =>
  `${await readFile(sourceFile(target), 'utf8').catch(() => 'an earlier download')} (in ${target})`;

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

const downloadUsable = (target: string, source: Download, wanted: Wanted, say: (text: string) => void) =>
  downloadInto(target, async (folder) => {
    const path = await source.into(folder, say);
    await chmod(path, 0o755);
    const version = await usableVersion(path, wanted);
    if (!version) throw new Error('the downloaded program does not run on this machine');
    return { path, version };
  });
