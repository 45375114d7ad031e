import { join } from 'node:path';
import { startProcess } from '@flashclaim/local-stack';

const AUDIT = join(import.meta.dirname, '../../packages/audit/src/audit.ts');

/** Runs the same program as `npm run audit`. */
export const runAudit = async (env: NodeJS.ProcessEnv, options: readonly string[] = []) => {
  const lines: string[] = [];
  const handle = await startProcess({
    name: 'audit',
    command: process.execPath,
    args: [AUDIT, ...options],
    env: { ...process.env, ...env },
    output: (line) => void lines.push(line),
  });
  const { code } = await handle.exited;
  return { code, lines, text: lines.join('\n'), last: lines.at(-1) };
};
