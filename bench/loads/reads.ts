import type { Running } from '../candidates/candidate.ts';
import { startFlashclaim } from '../candidates/flashclaim.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { PLENTY } from './claim-run.ts';
import { figuresOf, recount } from './figures.ts';
import { type Bench, type BenchLoad, contestantOf } from './load.ts';

const CONNECTIONS = [64, 256, 1_000];
const CLAIMED = [0, 1_000, 1_000_000];

/** Connections of claimers and of readers: nine readers for each claimer. */
const CLAIMERS = 25;
const READERS = 9 * CLAIMERS;

interface Reading {
  running: Running;
  coupon: string;
  connections: number;
  seconds: number;
}

/** GET of an existing coupon, repeatedly. */
export const runReads = async (
  { client }: Pick<Bench, 'client'>,
  { running, coupon, connections, seconds }: Reading,
): Promise<Figures> => {
  const watched = watch(running.processes);
  const request = { get: `/api/coupons/${coupon}` };
  const result = await client.run({ url: running.url, connections, seconds, request });
  const cost = watched.end();
  const failed = result.refused + result.socketErrors;
  return { raw: result, ...(failed > 0 ? { fault: `${failed} reads failed` } : figuresOf(result, cost)) };
};

/** Claims of a new hot coupon by new users, with nine readers of it for each claimer. The figures are those of the claims. */
export const runWithReaders = async (
  { client }: Pick<Bench, 'client'>,
  { running, coupon, seconds }: Omit<Reading, 'connections'>,
): Promise<Figures> => {
  const name = `${coupon}-1`;
  await running.addStock({ names: [name], amount: PLENTY });
  const watched = watch(running.processes);
  const { url } = running;
  const claims = { userPrefix: `${coupon}-u`, couponPrefix: `${coupon}-`, coupons: 1 };
  const [claimed, read] = await Promise.all([
    client.run({ url, connections: CLAIMERS, seconds, request: claims }),
    client.run({ url, connections: READERS, seconds, request: { get: `/api/coupons/${name}` } }),
  ]);
  const cost = watched.end();
  await running.settle();
  const granted = claimed.requests - claimed.refused;
  const { audit, fault } = await recount(running, { names: [name], before: 0, granted, unseenMax: CLAIMERS });
  const failed = claimed.refused + claimed.socketErrors + read.refused + read.socketErrors;
  const why = fault ?? (failed > 0 ? `${failed} calls failed` : undefined);
  const found = {
    raw: { claimed, read },
    note: `${Math.round(read.requests / read.seconds)} reads/s`,
    ...(audit && { audit }),
  };
  return why ? { ...found, fault: why } : { ...found, ...figuresOf(claimed, cost) };
};

/** GET of a coupon by the number of its claims and of the readers. A stable coupon is read, so nothing but the read is measured. */
export const reads: BenchLoad = {
  name: 'reads',
  title: 'GET of a coupon, by its claims and by connections',
  prepare: async (bench) => {
    const running = await startFlashclaim({ stack: bench.stack, settings: bench.settings });
    bench.onDone(() => running.stop());
    for (const claimed of CLAIMED) await running.addStock({ names: [`read-${claimed}`], amount: PLENTY, claimed });
    return CLAIMED.flatMap((claimed) =>
      CONNECTIONS.map((connections) =>
        contestantOf(`${claimed.toLocaleString('en-US')} claims, ${connections} connections`, bench, (_, seconds) =>
          runReads(bench, { running, coupon: `read-${claimed}`, connections, seconds }),
        ),
      ),
    );
  },
};

/** Ten people watch a sale for each who claims. */
export const readers: BenchLoad = {
  name: 'readers',
  title: `a hot sale: ${CLAIMERS} claimers and ${READERS} readers; claims a second, CPU for 10,000 claims and the reads beside them`,
  prepare: async (bench) => {
    const running = await startFlashclaim({ stack: bench.stack, settings: bench.settings });
    bench.onDone(() => running.stop());
    return [
      contestantOf('flashclaim', bench, (coupon, seconds) => runWithReaders(bench, { running, coupon, seconds })),
    ];
  },
};
