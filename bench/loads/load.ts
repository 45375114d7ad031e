import type { LoadClient } from '../client/load-client.ts';
import type { Figures } from '../run-record.ts';
import type { Stack } from '../stack.ts';

/** A load with its contestants. */
export interface BenchLoad {
  /** Its name in `--only` and in the raw figures. */
  name: string;
  title: string;
  /** Starts everything that the load needs. */
  prepare(bench: Bench): Promise<Contestant[]>;
}

export interface Contestant {
  name: string;
  warmUp(): Promise<unknown>;
  /** Measures one run. `run` is unique in the whole bench, and so are the names that begin with it. */
  measure(run: string): Promise<Figures>;
}

/** Everything that a load needs. */
export interface Bench {
  stack: Stack;
  client: LoadClient;
  seconds: number;
  /** Additional settings for Flashclaim. */
  settings: Record<string, string>;
  /** Registers a function to call after the load, also after a failure; the last one is called first. */
  onDone(stop: () => Promise<unknown>): void;
}

export const WARM_UP_SECONDS = 2;

/** A contestant whose warm-up is a short run. `run` gets a unique name and the duration in seconds. */
export const contestantOf = (
  name: string,
  { seconds }: Pick<Bench, 'seconds'>,
  run: (id: string, seconds: number) => Promise<Figures>,
): Contestant => ({
  name,
  warmUp: () => run(`warm-${name.replaceAll(/\W+/g, '-')}`, WARM_UP_SECONDS),
  measure: (id) => run(id, seconds),
});
