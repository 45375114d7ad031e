import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { bar, clearProgress, count, showProgress, timesTable } from '@flashclaim/terminal';
import { wholeNumber } from '../support/whole-number.ts';
import { VirtualClock } from './clock.ts';
import { describeFailure } from './describe-failure.ts';
import { simulate } from './simulate.ts';
import { newMet } from './world.ts';

const USAGE = `npm run simulate -- [options]
  --seed N   the first seed; each run takes the next (a new one)
  --runs M   how many runs (10000)
  --trace    writes down what happens in each
  --help     prints this`;

const PROGRESS_EVERY_RUNS = 100;

/**
 * Ends this process after `--help`.
 * @throws Error with the usage where an option is wrong.
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
  const met = newMet();
  const clock = new VirtualClock();
  console.log(`simulation: ${runs} runs from seed ${first}`);
  for (let seed = first; seed < first + runs; seed++) {
    const done = seed - first;
    if (!traced && done % PROGRESS_EVERY_RUNS === 0) showProgress(`${bar(done, runs)}  ${done} runs`);
    const { violations, trace } = await simulate(clock, seed, { met, traced });
    if (traced) console.log(trace.join('\n'));
    if (violations.length === 0) continue;
    clearProgress();
    console.error(await describeFailure(clock, seed));
    return false;
  }
  clearProgress();
  const seconds = Number((process.hrtime.bigint() - start) / 1_000_000n) / 1_000;
  console.log(
    `\n${timesTable('met', Object.entries(met))}\n\n${count(runs)} runs in ${seconds.toFixed(1)} s, nobody was told anything untrue`,
  );
  return true;
};

try {
  if (!(await run(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
