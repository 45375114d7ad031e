import { setTimeout as sleep } from 'node:timers/promises';
import { RETRY_AFTER_CROWD_MAX_SECONDS } from '@flashclaim/core';
import type { CountedResult } from '@flashclaim/load';
import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { tooManyConnections } from '../client/burst.ts';
import type { LoadResult } from '../client/load-client.ts';
import { runPaced } from '../client/paced.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { PLENTY } from './claim-run.ts';
import { figuresOf, recount } from './figures.ts';
import type { Bench, BenchLoad } from './load.ts';

/** The number of connections with the highest throughput. */
const CONNECTIONS = 1_000;
const TIMES = 10;

/**
 * Most pending claims: as many as are decided in a tenth of a second. All other claims are rejected, and their callers retry at
 * once, because this load ignores Retry-After.
 */
const PENDING_MAX = 1_000;

/** Time until all connections are open. */
const RAMP_SECONDS = 4;

/** New callers whose answers are checked: each claims once, on a new connection. */
const CALLERS_PER_SECOND = 20;

/** Ten times the load: the rate of decisions must stay high, and admitted claims must not wait for long. */
export const overload: BenchLoad = {
  name: 'overload',
  title: `one hot coupon, ${TIMES} times the callers of the highest throughput; times are those of granted claims of new callers`,
  prepare: async (bench) => {
    const settings = { CLAIMS_PENDING_MAX: `${PENDING_MAX}`, ...bench.settings };
    const running = await startFlashclaim({ stack: bench.stack, settings });
    bench.onDone(() => running.stop());
    return [
      { name: 'at its best', connections: CONNECTIONS },
      { name: 'overloaded', connections: CONNECTIONS * TIMES },
    ].map(({ name, connections }) => ({
      name,
      warmUp: async () => {
        if (connections === CONNECTIONS) await measure('warm', { bench, running, connections });
      },
      measure: (run: string) => measure(run, { bench, running, connections }),
    }));
  },
};

interface OverloadRun {
  bench: Bench;
  running: RunningFlashclaim;
  connections: number;
}

const measure = async (run: string, { bench, running, connections }: OverloadRun): Promise<Figures> => {
  const tooMany = tooManyConnections(connections);
  if (tooMany) return { fault: tooMany };
  const { url, store } = running;
  const { client, seconds } = bench;
  const names = [`${run}-1`];
  await running.addStock({ names, amount: PLENTY });
  const request = { userPrefix: `${run}-u`, couponPrefix: `${run}-`, coupons: 1 };
  const crowd = client.run({ url, connections, seconds: RAMP_SECONDS + seconds, request });
  await sleep(RAMP_SECONDS * 1_000);

  // Counted in the database while all connections are open: the time before and after does not count.
  const watched = watch(running.processes);
  const [before, since] = [await store.taken(names), performance.now()];
  const checking = runPaced({
    ...request,
    url,
    seconds,
    perSecond: CALLERS_PER_SECOND,
    userPrefix: `${run}-c`,
    newConnections: true,
  });
  await sleep(seconds * 1_000);
  const decided = (await store.taken(names)) - before;
  const decidedSeconds = (performance.now() - since) / 1_000;
  const cost = watched.end();
  const [all, callers] = await Promise.all([crowd, checking]);

  // A paused connection may have requests that the API reads later, even if their callers are gone.
  await sleep(RETRY_AFTER_CROWD_MAX_SECONDS * 1_000);
  await running.settle();
  const { audit, fault } = await recount(running, {
    names,
    before: 0,
    ...grantsOf(running, all, callers, connections),
  });
  const found = { note: describe(callers), raw: { all, callers, decided }, ...(audit && { audit }) };
  // A few connections may fail; with more failures the load would be too small.
  const why =
    fault ?? (all.socketErrors > connections / 100 ? `${all.socketErrors} socket errors` : unexpected(callers));
  if (why) return { ...found, fault: why };
  const times = { ...all, ...callers.granted };
  return { ...found, ...figuresOf({ ...times, seconds: decidedSeconds }, cost, decided) };
};

/** The known grants. wrk does not distinguish 202 from 200: if a 202 is possible, only the answers of new callers count. */
const grantsOf = ({ pendingAfterMs = 0 }: RunningFlashclaim, all: LoadResult, callers: CountedResult, open: number) => {
  const seen = callers.statuses['200'] ?? 0;
  return all.maxMs < pendingAfterMs
    ? { granted: all.requests - all.refused + seen, unseenMax: open }
    : { granted: seen, unseenMax: all.requests + open };
};

const describe = ({ statuses }: CountedResult): string =>
  `of the new callers, ${Object.entries(statuses)
    .map(([status, count]) => `${count} were answered ${status}`)
    .join(', ')}`;

/** Every new caller must be admitted or rejected, and at least one must be admitted. */
const unexpected = ({ statuses, socketErrors }: CountedResult): string | undefined => {
  const { 200: granted = 0, 503: rejected = 0, ...others } = statuses;
  if (socketErrors > 0 || Object.keys(others).length > 0) return `callers were answered ${JSON.stringify(statuses)}`;
  return granted === 0 ? `none of ${rejected} new callers was admitted` : undefined;
};
