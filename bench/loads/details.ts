import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { runPaced } from '../client/paced.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { PLENTY } from './claim-run.ts';
import { figuresOf, recount } from './figures.ts';
import { type Bench, type BenchLoad, contestantOf } from './load.ts';
import { probe } from './probe.ts';

const CONNECTIONS = 64;
const CLAIMS_PER_SECOND = 500;
/** As many claims as an answer lists. */
const CLAIMED_BEFORE = 1_000;

/** GET of a coupon's details, without and during a sale. */
export const details: BenchLoad = {
  name: 'details',
  title: 'GET of a coupon with 1,000 users listed, 64 connections; during a sale: with 500 claims/s on it',
  prepare: async (bench) => {
    const running = await startFlashclaim({ stack: bench.stack, settings: bench.settings });
    bench.onDone(() => running.stop());
    return [
      { name: 'flashclaim, no sale', perSecond: 0 },
      { name: 'flashclaim, during a sale', perSecond: CLAIMS_PER_SECOND },
    ].map(({ name, perSecond }) =>
      contestantOf(name, bench, (run, seconds) => measure(run, { ...bench, seconds }, { running, perSecond })),
    );
  },
};

const measure = async (
  run: string,
  { client, seconds }: Bench,
  { running, perSecond }: { running: RunningFlashclaim; perSecond: number },
): Promise<Figures> => {
  const { url } = running;
  const name = `${run}-1`;
  await running.addStock({ names: [name], amount: PLENTY, claimed: CLAIMED_BEFORE });
  const watched = watch(running.processes);
  const probing = probe(() => readsOneSnapshot(url, name));
  const [result, sale] = await Promise.all([
    client.run({ url, connections: CONNECTIONS, seconds, request: { get: `/api/coupons/${name}` } }),
    perSecond > 0
      ? runPaced({ url, perSecond, seconds, userPrefix: `${run}-u`, couponPrefix: `${run}-`, coupons: 1 })
      : undefined,
  ]);
  const cost = watched.end();
  const surprise = await probing.end();

  await running.settle();
  const granted = sale?.statuses['200'] ?? 0;
  const { audit, fault } = await recount(running, { names: [name], before: CLAIMED_BEFORE, granted, unseenMax: 0 });
  const found = { raw: { result, sale }, ...(audit && { audit }) };
  const failed = result.refused + result.socketErrors + (sale ? sale.requests - granted + sale.socketErrors : 0);
  const why = fault ?? surprise ?? (failed > 0 ? `${failed} calls failed` : undefined);
  return why ? { ...found, fault: why } : { ...found, ...figuresOf(result, cost) };
};

/** Checks that remaining + claimed is the amount in a read. */
const readsOneSnapshot = async (url: string, name: string): Promise<string | undefined> => {
  const coupon = (await (await fetch(`${url}/api/coupons/${name}`)).json()) as {
    amount: number;
    remaining_amount: number;
    claimed_count: number;
    claimed_by: string[];
  };
  const { amount, remaining_amount, claimed_count, claimed_by } = coupon;
  if (remaining_amount + claimed_count === amount && claimed_by.length === CLAIMED_BEFORE) return undefined;
  return `a read was not a snapshot: ${remaining_amount} remain, ${claimed_count} claimed of ${amount}, ${claimed_by.length} listed`;
};
