import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { bar, clearProgress, count, showProgress, timesTable } from '@flashclaim/terminal';
import { wholeNumber } from '../support/whole-number.ts';
import { VirtualClock } from './clock.ts';
import { describeFailure } from './describe-failure.ts';
import { simulate } from './simulate.ts';
import { newCoverage } from './world.ts';

const USAGE = `npm run simulate -- [options]
  --seed N   the first seed; each run uses the next one (default: random)
  --runs M   number of runs (default: 10000)
  --trace    prints the events of each run
  --help     prints this`;

const PROGRESS_EVERY_RUNS = 100;

/**
 * Ends this process after `--help`.
 * @throws Error with the usage if an option is wrong.
 */
const readOptions = (args: string[]) => {
  try {
    const string = { type: 'string' } as const;
    const boolean = { type: 'boolean' } as const;
    const { values } = parseArgs({ args, options: { seed: string, runs: string, trace: boolean, help: boolean } });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    return {
      first: values.seed === undefined ? randomInt(2 ** 31) : wholeNumber('--seed', values.seed),
      runs: wholeNumber('--runs', values.runs ?? '10000'),
      traced: values.trace ?? false,
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${USAGE}`);
  }
};

const run = async (args: string[]): Promise<boolean> => {
  const { first, runs, traced } = readOptions(args);
  const start = process.hrtime.bigint();
  const coverage = newCoverage();
  const clock = new VirtualClock();
  console.log(`simulation: ${runs} runs from seed ${first}`);
  for (let seed = first; seed < first + runs; seed++) {
    const done = seed - first;
    if (!traced && done % PROGRESS_EVERY_RUNS === 0) showProgress(`${bar(done, runs)}  ${done} runs`);
    const { violations, trace } = await simulate(clock, seed, { coverage, traced });
    if (traced) console.log(trace.join('\n'));
    if (violations.length === 0) continue;
    clearProgress();
    console.error(await describeFailure(clock, seed));
    return false;
  }
  clearProgress();
  const seconds = Number((process.hrtime.bigint() - start) / 1_000_000n) / 1_000;
  console.log(
    `\n${timesTable('event', Object.entries(coverage))}\n\n${count(runs)} runs in ${seconds.toFixed(1)} s, every answer was true`,
  );
  return true;
};

try {
  if (!(await run(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
