import { runCommand } from './run-command.ts';

/** Runs the same program as `npm run audit`. */
export const runAudit = (env: NodeJS.ProcessEnv, options?: readonly string[]) =>
  runCommand('packages/audit/src/audit.ts', env, options);
