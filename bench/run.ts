/** `npm run bench`: starts its own stack, measures every load in rounds, and prints which requirements were reached. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { stopEveryProcess } from '@flashclaim/local-stack';
import { StartError } from '@flashclaim/runtime';
import { clearProgress, showProgress } from '@flashclaim/terminal';
import { compareStates } from './against/compare-states.ts';
import { checkOut } from './against/other-state.ts';
import { PAIRED_LOADS } from './against/paired-loads.ts';
import { someProgramEnded } from './candidates/start-program.ts';
import { findLoadClient, type LoadClient } from './client/load-client.ts';
import { LOADS } from './loads/index.ts';
import type { Bench, BenchLoad, Contestant } from './loads/load.ts';
import { HAS_PROC } from './measure/process-figures.ts';
import { type Options, readOptions } from './options.ts';
import { describeLoad } from './report/load-table.ts';
import { drawThroughput } from './report/plot.ts';
import { describeRequirements } from './report/requirements.ts';
import type { RunRecord } from './run-record.ts';
import { type Stack, startStack } from './stack.ts';

/** Resolves to the exit code: 1 if a run has no figure. */
const run = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options.against !== undefined) return runAgainst(options, options.against);
  const loads = wanted(LOADS, options);
  const client = await findLoadClient();
  const stack = await startStack((name, text) => console.log(`${name}: ${text}`));
  stops.push(() => stack.stop());
  const { rounds, seconds } = options;
  const machine = describeMachine(client, stack, `${rounds} rounds of ${seconds} s for each load`);
  console.log(machine.join('\n'), '\n');

  const runs: RunRecord[] = [];
  for (const load of loads) {
    const found = await measureLoad(load, { stack, client, options });
    runs.push(...found);
    console.log(describeLoad(load.title, found));
  }
  console.log(describeRequirements(runs));
  if (options.json) await write(options.json, `${JSON.stringify({ machine, options, runs }, null, 1)}\n`);
  if (options.plot) await write(options.plot, drawThroughput(runs, machine));
  return runs.some((run) => run.fault) ? 1 : 0;
};

/** The loads that `--only` names. */
const wanted = <Load extends { name: string }>(loads: readonly Load[], { only }: Options): readonly Load[] => {
  const found = loads.filter(
    ({ name }) => only.length === 0 || only.some((one) => name === one || name.startsWith(`${one}-`)),
  );
  if (found.length > 0) return found;
  throw new StartError(`There is no such load. The loads are: ${loads.map(({ name }) => name).join(', ')}.`);
};

/** Compares this state of the code with a commit. Resolves to the exit code: 1 if a run has no figure. */
const runAgainst = async (options: Options, commit: string): Promise<number> => {
  const { pairs, seconds, set: settings, json } = options;
  const loads = wanted(PAIRED_LOADS, options);
  const client = await findLoadClient();
  showProgress(`installing ${commit}`);
  const other = await checkOut(commit);
  clearProgress();
  stops.push(async () => other.remove());
  const stacks = [await startStack(() => {}), await startStack(() => {})] as const;
  for (const stack of stacks) stops.push(() => stack.stop());
  const machine = describeMachine(
    client,
    stacks[0],
    `${pairs} pairs of ${seconds} s for each load, against ${other.name}`,
  );
  console.log(machine.join('\n'), '\n');
  const runs = await compareStates(loads, { client, other, stacks, pairs, seconds, settings });
  if (json) await write(json, `${JSON.stringify({ machine, options, runs }, null, 1)}\n`);
  return runs.some((run) => run.fault) ? 1 : 0;
};

const write = async (file: string, text: string): Promise<void> => {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
};

interface Setup {
  stack: Stack;
  client: LoadClient;
  options: Options;
}

/** Measures one load. A failure becomes a run with a fault, and the other loads are still measured. */
const measureLoad = async (load: BenchLoad, { stack, client, options }: Setup): Promise<RunRecord[]> => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  const { seconds, set } = options;
  const bench: Bench = { stack, client, seconds, settings: set, onDone: (stop) => void cleanUp.push(stop) };
  const runs: RunRecord[] = [];
  try {
    showProgress(`${load.name}: starting`);
    const contestants = await load.prepare(bench);
    for (const { name, warmUp } of contestants) {
      showProgress(`${load.name}: warming up ${name}`);
      await warmUp();
    }
    for await (const run of interleave(load.name, contestants, options.rounds)) runs.push(run);
  } catch (error) {
    runs.push({ load: load.name, who: 'bench', round: runs.at(-1)?.round ?? 1, fault: (error as Error).message });
  }
  for (const stop of cleanUp.reverse()) await stop();
  clearProgress();
  return runs;
};

/** Each contestant once, then each again, so that a slow minute of the machine affects all. */
async function* interleave(load: string, contestants: readonly Contestant[], rounds: number) {
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, measure } of contestants) {
      showProgress(`${load}: round ${round} of ${rounds}, ${name}`);
      // The names of coupons and users begin with this id, and are used in URLs.
      const id = `${load}-${round}-${name.replaceAll(/[^a-z0-9]+/g, '-')}`;
      yield { load, who: name, round, ...(await measure(id)) };
    }
  }
}

const describeMachine = (client: LoadClient, stack: Stack, runs: string): string[] => [
  // biome-ignore lint/plugin/wall-clock: a timestamp: when it was measured.
  `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, ${process.platform}`,
  `Node.js ${process.versions.node}, mongod ${stack.versions.mongod}, redis ${stack.versions.redis}, load client ${client.name}`,
  `${runs}; medians; CPU seconds for 10,000 answers; peak memory`,
  ...(HAS_PROC ? [] : ['This machine has no /proc: CPU and memory of the processes are not measured.']),
];

/** One function for each started part. */
const stops: (() => Promise<unknown>)[] = [];
let ending = false;

/** Kills all processes, because all data are deleted anyway. */
const end = async (code: number): Promise<void> => {
  if (ending) return;
  ending = true;
  clearProgress();
  await stopEveryProcess(0);
  for (const stop of stops.reverse()) await stop();
  process.exit(code);
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(130));
// The parent process ended.
process.once('disconnect', () => end(130));
await Promise.race([run(), someProgramEnded]).then(
  (code) => end(code),
  (error: unknown) => {
    // Errors during the stop are caused by it.
    if (!ending) console.error(error instanceof StartError ? error.message : error);
    return end(1);
  },
);
