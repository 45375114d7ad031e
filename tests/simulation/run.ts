import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { VirtualClock } from './clock.ts';
import { describeFailure } from './describe-failure.ts';
import { simulate } from './simulate.ts';
import { newMet } from './world.ts';

const USAGE = `npm run simulate -- [options]
  --seed N   the first seed; each run takes the next (a new one)
  --runs M   how many runs (10000)
  --trace    writes down what happens in each`;

const wholeNumber = (option: string, value: string): number => {
  if (!/^\d{1,10}$/.test(value)) throw new Error(`${option} must be a whole number, not "${value}".\n\n${USAGE}`);
  return Number(value);
};

const run = async (args: string[]): Promise<boolean> => {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({ args, options: { seed: string, runs: string, trace: { type: 'boolean' } } });
  const first = values.seed === undefined ? randomInt(2 ** 31) : wholeNumber('--seed', values.seed);
  const runs = wholeNumber('--runs', values.runs ?? '10000');
  const start = process.hrtime.bigint();
  const met = newMet();
  const clock = new VirtualClock();
  console.log(`simulation: ${runs} runs from seed ${first}`);
  for (let seed = first; seed < first + runs; seed++) {
    const { violations, trace } = await simulate(clock, seed, { met, traced: values.trace ?? false });
    if (values.trace) console.log(trace.join('\n'));
    if (violations.length === 0) continue;
    console.error(await describeFailure(clock, seed));
    return false;
  }
  const counts = Object.entries(met).map(([what, count]) => `${count} ${what}`);
  const seconds = Number((process.hrtime.bigint() - start) / 1_000_000n) / 1_000;
  console.log(`${runs} runs in ${seconds.toFixed(1)} s, nobody was told anything untrue: ${counts.join(', ')}`);
  return true;
};

try {
  if (!(await run(process.argv.slice(2)))) process.exitCode = 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
