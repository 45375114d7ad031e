import type { CountedResult } from '@flashclaim/load';
import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import type { LoadResult } from '../client/load-client.ts';
import { runPaced } from '../client/paced.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { namesOf, PLENTY } from './claim-run.ts';
import { figuresOf, recount } from './figures.ts';
import { type Bench, type BenchLoad, WARM_UP_SECONDS } from './load.ts';

const COLD_COUPONS = 200;
const COLD_SHARE = 0.05;

/**
 * Share of the highest rate, which the warm-up measures. At the limit every request waits for a processor, and the times
 * would describe the machine; this load measures whether a hot coupon slows the others.
 */
const SHARE_OF_LIMIT = 0.4;
const FLAT_OUT_CONNECTIONS = 256;

/** The load beside the cold claims. Only the cold claims are measured. */
type Beside = 'nothing' | 'hot' | 'spread' | 'hot-flat-out';

const VARIANTS: Record<string, Beside> = {
  'cold alone': 'nothing',
  'cold and hot, 5 to 95': 'hot',
  'cold and as much, but spread': 'spread',
  'cold and hot flat out': 'hot-flat-out',
};

/** 95 % of the claims on one coupon and 5 % on 200 others, at a fixed rate; the times are those of the 5 %. */
export const mix: BenchLoad = {
  name: 'mix',
  title: '5 % of the claims on 200 cold coupons: times of the cold claims, by the load beside them',
  prepare: async (bench) => {
    const running = await startFlashclaim({ stack: bench.stack, settings: bench.settings });
    bench.onDone(() => running.stop());
    let limit = 0;
    const perSecond = () => limit * SHARE_OF_LIMIT;
    const warmUp = async () => {
      limit = await findLimit(bench, running);
    };
    return Object.entries(VARIANTS).map(([name, beside], index) => ({
      name,
      warmUp: index === 0 ? warmUp : async () => {},
      measure: (run: string) => measure(run, { bench, running, beside, perSecond: perSecond() }),
    }));
  },
};

const findLimit = async ({ client }: Bench, running: RunningFlashclaim): Promise<number> => {
  await running.addStock({ names: ['limit-1'], amount: PLENTY });
  const load = { url: running.url, connections: FLAT_OUT_CONNECTIONS, seconds: WARM_UP_SECONDS };
  const run = (userPrefix: string) =>
    client.run({ ...load, request: { userPrefix, couponPrefix: 'limit-', coupons: 1 } });
  await run('first-');
  const { requests, seconds } = await run('second-');
  return requests / seconds;
};

interface MixRun {
  bench: Bench;
  running: RunningFlashclaim;
  beside: Beside;
  perSecond: number;
}

const measure = async (run: string, mixRun: MixRun): Promise<Figures> => {
  const { bench, running, beside, perSecond } = mixRun;
  const names = [...namesOf(`${run}-cold-`, COLD_COUPONS), ...namesOf(`${run}-beside-`, besideCoupons(beside))];
  await running.addStock({ names, amount: PLENTY });

  const watched = watch(running.processes);
  const cold = { userPrefix: `${run}-c`, couponPrefix: `${run}-cold-`, coupons: COLD_COUPONS };
  const [coldResult, besideResult] = await Promise.all([
    runPaced({ ...cold, url: running.url, seconds: bench.seconds, perSecond: perSecond * COLD_SHARE }),
    runBeside(run, mixRun),
  ]);
  const cost = watched.end();

  await running.settle();
  const answers = coldResult.requests + (besideResult?.requests ?? 0);
  const unseenMax = beside === 'hot-flat-out' ? FLAT_OUT_CONNECTIONS : 0;
  const { audit, fault } = await recount(running, { names, before: 0, granted: answers, unseenMax });
  const found = { ...(audit && { audit }), raw: { cold: coldResult, beside: besideResult } };
  const why = [coldResult, besideResult].map(faultOf).find((text) => text !== undefined) ?? fault;
  return why ? { ...found, fault: why } : { ...found, ...figuresOf(coldResult, cost, answers) };
};

const besideCoupons = (beside: Beside): number => (beside === 'spread' ? 1_000 : 1);

const runBeside = async (
  run: string,
  { bench, running, beside, perSecond }: MixRun,
): Promise<LoadResult | CountedResult | undefined> => {
  if (beside === 'nothing') return undefined;
  const { url } = running;
  const claims = { userPrefix: `${run}-b`, couponPrefix: `${run}-beside-`, coupons: besideCoupons(beside) };
  if (beside === 'hot-flat-out')
    return bench.client.run({ url, connections: FLAT_OUT_CONNECTIONS, seconds: bench.seconds, request: claims });
  return runPaced({ ...claims, url, seconds: bench.seconds, perSecond: perSecond * (1 - COLD_SHARE) });
};

const faultOf = (result: LoadResult | CountedResult | undefined): string | undefined => {
  if (!result) return undefined;
  if (result.socketErrors > 0) return `${result.socketErrors} socket errors`;
  const statuses = 'statuses' in result ? result.statuses : { 200: result.requests - result.refused };
  return statuses['200'] === result.requests ? undefined : `not all claims were granted: ${JSON.stringify(statuses)}`;
};
