import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Recovery, recoveryTable } from './support/recovery-table.ts';

/**
 * `npm run test:faults`: every fault test, the long ones too, `-- --rounds N` times (3 by default), and then
 * how long it took to get over each fault, as a table.
 * `npm test`: format, lint, types, dead code, then every test against real servers.
 * Ends with the line `N passed, N failed`, in which each check counts as one test.
 */
interface Outcome {
  name: string;
  passed: number;
  failed: number;
  seconds: number;
}

const ROOT = join(import.meta.dirname, '..');
/** The tools of the workspace first; turbo would call home. */
const ENV = {
  ...process.env,
  PATH: [join(ROOT, 'node_modules/.bin'), join(import.meta.dirname, 'node_modules/.bin'), process.env['PATH']].join(
    delimiter,
  ),
  TURBO_TELEMETRY_DISABLED: '1',
};
const REPORT = join(tmpdir(), `flashclaim-tests-${process.pid}.json`);

const run = (command: string, args: readonly string[]): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: ENV });
    child.on('error', (error) => {
      console.error(error.message);
      resolve(false);
    });
    child.on('exit', (code) => resolve(code === 0));
  });

// Whoever started us is gone: what runs here ends with them. Listening must not keep us from ending by ourselves.
process.on('disconnect', () => process.exit(1));
process.channel?.unref();

/** Runs one thing and says what it was; `count` tells how many passed and failed in it. */
const step = async (name: string, count: () => Promise<{ passed: number; failed: number }>): Promise<Outcome> => {
  console.log(`\n── ${name} ${'─'.repeat(Math.max(0, 60 - name.length))}`);
  const start = performance.now();
  const counted = await count();
  return { name, ...counted, seconds: (performance.now() - start) / 1000 };
};

const check = (name: string, command: string, ...args: string[]): Promise<Outcome> =>
  step(name, async () => ((await run(command, args)) ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }));

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { assertionResults: { meta: { recoveries?: Recovery[] } }[] }[];
}

const recoveries: Recovery[] = [];

const vitest = (args: readonly string[]): Promise<Outcome> =>
  step('tests', async () => {
    const config = ['--config', 'tests/vitest.config.ts'];
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`];
    const ok = await run('vitest', ['run', ...config, ...reporters, ...args]);
    const report = await readFile(REPORT, 'utf8').then(
      (text) => JSON.parse(text) as Report,
      () => undefined,
    );
    await rm(REPORT, { force: true });
    for (const { assertionResults } of report?.testResults ?? [])
      recoveries.push(...assertionResults.flatMap(({ meta }) => meta.recoveries ?? []));
    const passed = report?.numPassedTests ?? 0;
    const failed = report?.numFailedTests ?? 0;
    // What breaks outside a test, a leaked handle or a failed hook, is counted nowhere else.
    return { passed, failed: ok ? failed : Math.max(1, failed) };
  });

const checkAll = async (args: readonly string[]): Promise<Outcome[]> => [
  await check('format and lint', 'biome', 'ci', '--error-on-warnings'),
  await check('types', 'turbo', 'run', 'typecheck', '--output-logs=errors-only'),
  await check('dead code', 'knip', '--no-progress'),
  await vitest(['--tags-filter=!slow', ...args]),
];

const runFaults = async (rounds: number, filters: readonly string[]): Promise<Outcome[]> => {
  const outcomes: Outcome[] = [];
  for (let round = 0; round < rounds; round++)
    outcomes.push(await vitest(filters.length > 0 ? filters : ['faults/', 'soak/']));
  return outcomes;
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { faults: { type: 'boolean', default: false }, rounds: { type: 'string', default: '3' } },
});
const outcomes = values.faults ? await runFaults(Number(values.rounds), positionals) : await checkAll(positionals);
if (values.faults) console.log(`\n${recoveryTable(recoveries)}`);

console.log(`\n${'check'.padEnd(18)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'seconds'.padStart(9)}`);
for (const { name, passed, failed, seconds } of outcomes)
  console.log(
    `${name.padEnd(18)}${String(passed).padStart(8)}${String(failed).padStart(8)}${seconds.toFixed(1).padStart(9)}`,
  );
const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const failed = sum((outcome) => outcome.failed);
console.log(`\n${sum((outcome) => outcome.passed)} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
