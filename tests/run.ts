import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Recovery, recoveryTable } from './support/recovery-table.ts';
import { wholeNumber } from './support/whole-number.ts';

/** What `npm test` runs, and its parts. */
const USAGE = `npm test                      format, lint, words, dead code, types, then every test against real servers
npm run lint                  format, lint, words and dead code alone (--only lint)
npm run typecheck             types alone (--only types)
npm run test:unit             the tests of tests/unit alone (--only unit)
npm run test:faults           every fault test, the long ones too, and how long each recovery took

  -- FILTER...                test files whose path contains one of these
  -- -t, --test-name PATTERN  tests whose full name matches this
  -- -u, --update             writes snapshots again, such as the types of the client
  -- --only PART              lint, types, tests (without the checks before them) or unit
  -- --rounds N               times that test:faults runs everything (3)
  -- --help                   prints this

Ends with the line "N passed, N failed", in which each check counts as one test.`;

interface Outcome {
  name: string;
  passed: number;
  failed: number;
  seconds: number;
}

const ROOT = join(import.meta.dirname, '..');
/** The tools of the workspace first; turbo would call home. */
const ENV: NodeJS.ProcessEnv = {
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

type Check = (tests: readonly string[]) => Promise<Outcome>;

const LINT: Check[] = [
  () => check('format and lint', 'biome', 'ci', '--error-on-warnings'),
  () => check('words', 'node', 'tests/words/check-words.ts'),
  () => check('dead code', 'knip', '--no-progress'),
];
const TYPES: Check[] = [() => check('types', 'turbo', 'run', 'typecheck', '--output-logs=errors-only')];
const TESTS: Check[] = [(tests) => vitest(['--tags-filter=!slow', ...tests])];

/** What `--only` may name. */
const PARTS: Record<string, readonly Check[]> = {
  all: [...LINT, ...TYPES, ...TESTS],
  lint: LINT,
  types: TYPES,
  tests: TESTS,
  unit: [(tests) => vitest(['--project=unit', ...tests])],
};

/** Ends this process after `--help`, and where an option is wrong. */
const readOptions = () => {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        faults: { type: 'boolean', default: false },
        rounds: { type: 'string', default: '3' },
        only: { type: 'string', default: 'all' },
        'test-name': { type: 'string', short: 't' },
        update: { type: 'boolean', short: 'u', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const checks = PARTS[values.only];
    if (!checks) throw new Error(`--only must be one of ${Object.keys(PARTS).join(', ')}, not "${values.only}".`);
    const name = values['test-name'];
    return {
      faults: values.faults,
      rounds: wholeNumber('--rounds', values.rounds),
      checks,
      filters: positionals,
      flags: [...(name ? [`--testNamePattern=${name}`] : []), ...(values.update ? ['--update'] : [])],
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(1);
  }
};

const { faults, rounds, checks, filters, flags } = readOptions();
const outcomes: Outcome[] = [];
if (faults) {
  ENV['TEST_RECOVERY_MAX_MS'] = '10000';
  const suites = filters.length > 0 ? filters : ['faults/', 'soak/'];
  for (let round = 0; round < rounds; round++) outcomes.push(await vitest([...suites, '--maxWorkers=1', ...flags]));
  console.log(`\n${recoveryTable(recoveries)}`);
} else {
  for (const runCheck of checks) outcomes.push(await runCheck([...filters, ...flags]));
}

console.log(`\n${'check'.padEnd(18)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'seconds'.padStart(9)}`);
for (const { name, passed, failed, seconds } of outcomes)
  console.log(
    `${name.padEnd(18)}${String(passed).padStart(8)}${String(failed).padStart(8)}${seconds.toFixed(1).padStart(9)}`,
  );
const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const failed = sum((outcome) => outcome.failed);
console.log(`\n${sum((outcome) => outcome.passed)} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
