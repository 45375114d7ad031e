import { setTimeout as sleep } from 'node:timers/promises';
import { RETRY_AFTER_CROWD_MAX_SECONDS } from '@flashclaim/core';
import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { tooManyConnections } from '../client/burst.ts';
import type { LoadResult } from '../client/load-client.ts';
import type { OwnResult } from '../client/own-result.ts';
import { runPaced } from '../client/paced.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { PLENTY } from './claim-run.ts';
import { figuresOf, recount } from './figures.ts';
import type { Bench, BenchLoad } from './load.ts';

/** With so many callers the machine does its best. */
const CONNECTIONS = 1_000;
const TIMES = 10;

/**
 * Claims that may wait: as many as are decided in a tenth of a second. Everybody else is turned away, and comes back at once:
 * nobody here minds Retry-After.
 */
const PENDING_MAX = 1_000;

/** Until all connections are open. */
const RAMP_SECONDS = 4;

/** Callers who are looked at: each claims once, on a connection of its own. */
const CALLERS_PER_SECOND = 20;

/** Ten times the load: what is decided must go on, and whoever is let in must not wait for long. */
export const overload: BenchLoad = {
  name: 'overload',
  title: `one hot coupon, ${TIMES} times the callers that the machine is at its best with; times are those of granted claims of new callers`,
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

  // Counted in the database while the crowd is there: neither its coming nor its going is the load.
  const watched = watch(running.processes);
  const [before, since] = [await store.taken(names), performance.now()];
  const looking = runPaced({
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
  const [all, callers] = await Promise.all([crowd, looking]);

  // What was sent on a connection that is not read for now is still to come, whether its caller is there or not.
  await sleep(RETRY_AFTER_CROWD_MAX_SECONDS * 1_000);
  await running.settle();
  const { audit, fault } = await recount(running, {
    names,
    before: 0,
    ...grantsOf(running, all, callers, connections),
  });
  const found = { note: describe(callers), raw: { all, callers, decided }, ...(audit && { audit }) };
  // A connection may get lost on its way in; more than a few would be a crowd that is not there.
  const why =
    fault ?? (all.socketErrors > connections / 100 ? `${all.socketErrors} socket errors` : unexpected(callers));
  if (why) return { ...found, fault: why };
  const times = { ...all, ...callers.granted };
  return { ...found, ...figuresOf({ ...times, seconds: decidedSeconds }, cost, decided) };
};

/** wrk does not tell a 202 from a 200: where somebody may have been told 202, only what the callers saw is a grant. */
const grantsOf = ({ pendingAfterMs = 0 }: RunningFlashclaim, all: LoadResult, callers: OwnResult, open: number) => {
  const seen = callers.statuses['200'] ?? 0;
  return all.maxMs < pendingAfterMs
    ? { granted: all.requests - all.refused + seen, unseenMax: open }
    : { granted: seen, unseenMax: all.requests + open };
};

const describe = ({ statuses }: OwnResult): string =>
  `of the callers looked at, ${Object.entries(statuses)
    .map(([status, count]) => `${count} were told ${status}`)
    .join(', ')}`;

/** A caller is let in or turned away, and at least some are let in. */
const unexpected = ({ statuses, socketErrors }: OwnResult): string | undefined => {
  const { 200: granted = 0, 503: turnedAway = 0, ...others } = statuses;
  if (socketErrors > 0 || Object.keys(others).length > 0) return `callers were told ${JSON.stringify(statuses)}`;
  return granted === 0 ? `none of ${turnedAway} new callers was let in` : undefined;
};
