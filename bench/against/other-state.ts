import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartError } from '@flashclaim/runtime';
import type { startFlashclaim } from '../candidates/flashclaim.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Another state of the code, in a folder of its own. */
export interface OtherState {
  /** The abbreviated commit. */
  name: string;
  /** That state's own function, which starts its processes and fills its stores. */
  start: typeof startFlashclaim;
  remove(): void;
}

/**
 * Checks out a commit into a temporary folder and installs it.
 * @throws StartError where there is no such commit, or it can't be installed.
 */
export const checkOut = async (commit: string): Promise<OtherState> => {
  const folder = mkdtempSync(join(tmpdir(), 'flashclaim-against-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const run = (command: string, args: string[], cwd = folder): string => {
    try {
      return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
    } catch (error) {
      remove();
      throw new StartError(`${commit} can't be measured: ${(error as Error).message}`);
    }
  };
  const id = run('git', ['rev-parse', '--short', '--verify', `${commit}^{commit}`], ROOT);
  run('git', ['clone', '--quiet', '--shared', '--no-checkout', ROOT, folder]);
  run('git', ['checkout', '--quiet', '--detach', id]);
  run('node', ['packages/local-stack/bootstrap.mjs', 'bench/run.ts', '--help']);
  const { startFlashclaim: start } = await import(join(folder, 'bench/candidates/flashclaim.ts'));
  return { name: id, start, remove };
};
