import { join } from 'node:path';
import { startProcess } from '@flashclaim/local-stack';

const ROOT = join(import.meta.dirname, '../..');

/** Starts the script of a command, such as `packages/maintenance/src/migrate.ts`. */
export const startCommand = async (script: string, env: NodeJS.ProcessEnv, options: readonly string[] = []) => {
  const lines: string[] = [];
  const handle = await startProcess({
    name: script,
    command: process.execPath,
    args: [join(ROOT, script), ...options],
    env: { ...process.env, ...env },
    output: (line) => void lines.push(line),
  });
  const ended = handle.exited.then(({ code }) => ({ code, lines, text: lines.join('\n'), last: lines.at(-1) }));
  return { handle, lines, ended };
};

/** Runs it. Resolves to its exit code and what it printed. */
export const runCommand = async (script: string, env: NodeJS.ProcessEnv, options?: readonly string[]) =>
  (await startCommand(script, env, options)).ended;
