import type { LoadClient } from '../client/load-client.ts';
import type { Figures } from '../run-record.ts';
import type { Stack } from '../stack.ts';

/** Something to measure, by one or several contestants. */
export interface BenchLoad {
  /** What `--only` and the raw figures call it. */
  name: string;
  title: string;
  /** Starts what the load needs. Each is asked to stop afterwards, in the reverse order. */
  prepare(bench: Bench): Promise<Contestant[]>;
}

export interface Contestant {
  name: string;
  warmUp(): Promise<unknown>;
  /** One measured run. `run` is unique over the whole bench, so that names made from it are fresh. */
  measure(run: string): Promise<Figures>;
}

/** What loads work with. */
export interface Bench {
  stack: Stack;
  client: LoadClient;
  seconds: number;
  /** Settings to try out on Flashclaim. */
  settings: Record<string, string>;
  /** Has something stopped when the load is done, however it ends. */
  onDone(stop: () => Promise<unknown>): void;
}

export const WARM_UP_SECONDS = 2;

/** A contestant whose warm-up is a shorter run of the same. `run` gets a name that is unique, and its length in seconds. */
export const contestantOf = (
  name: string,
  { seconds }: Pick<Bench, 'seconds'>,
  run: (id: string, seconds: number) => Promise<Figures>,
): Contestant => ({
  name,
  warmUp: () => run(`warm-${name.replaceAll(/\W+/g, '-')}`, WARM_UP_SECONDS),
  measure: (id) => run(id, seconds),
});
