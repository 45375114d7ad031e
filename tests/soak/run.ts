import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { StartError } from '@flashclaim/runtime';
import { bar, clearProgress, showProgress } from '@flashclaim/terminal';
import { wholeNumber } from '../support/whole-number.ts';
import { SAMPLES_MIN } from './judge-leaks.ts';
import { describeSoak, isClean } from './report.ts';
import { soak } from './soak.ts';

const USAGE = `npm run soak -- [options]
  --minutes N    duration (default: 10); leaks are judged from ${SAMPLES_MIN} generations on, about a minute each
  --seed S       repeats the faults of this seed in the same order, but not at the same moments (default: random)
  --help         prints this`;

/**
 * Ends this process after `--help`.
 * @throws StartError with the usage if an option is wrong.
 */
const readOptions = (args: string[]) => {
  try {
    const string = { type: 'string' } as const;
    const { values } = parseArgs({ args, options: { minutes: string, seed: string, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    return {
      minutes: wholeNumber('--minutes', values.minutes ?? '10'),
      seed: values.seed === undefined ? randomInt(2 ** 31) : wholeNumber('--seed', values.seed),
    };
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
};

const run = async (args: string[]): Promise<boolean> => {
  const { minutes, seed } = readOptions(args);
  const forMs = minutes * 60_000;
  console.log(`soak: ${minutes} minutes, seed ${seed}`);
  const startedAt = performance.now();
  const result = await soak({
    seed,
    stop: { afterMs: forMs },
    onProgress: (what) => showProgress(`${bar(performance.now() - startedAt, forMs)}  ${what}`),
    onGeneration: (line) => {
      clearProgress();
      console.log(line);
    },
  });
  clearProgress();
  console.log(`\n${describeSoak(result)}`);
  console.log(`${((performance.now() - startedAt) / 60_000).toFixed(1)} minutes, seed ${seed}`);
  return isClean(result);
};

try {
  if (!(await run(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  clearProgress();
  console.error(error instanceof StartError ? error.message : (error as Error).stack);
  process.exitCode = 1;
}
