import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { openLivePages } from '../client/live-pages.ts';
import type { Figures } from '../run-record.ts';
import { runClaims } from './claim-run.ts';
import { type Bench, type BenchLoad, WARM_UP_SECONDS } from './load.ts';

const CONNECTIONS = 256;
const PAGES = 200;

/** What it costs a sale that people look on. */
export const live: BenchLoad = {
  name: 'live',
  title: `one hot coupon, ${CONNECTIONS} connections, while people look on`,
  prepare: async (bench) => {
    const running = await startFlashclaim({ stack: bench.stack, settings: bench.settings });
    bench.onDone(() => running.stop());
    return [
      { name: 'no live page', pages: 0 },
      { name: 'a live page', pages: 1 },
      { name: `${PAGES} live pages`, pages: PAGES },
    ].map(({ name, pages }) => ({
      name,
      warmUp: () => measure(`warm-${pages}`, { ...bench, seconds: WARM_UP_SECONDS }, { running, pages }),
      measure: (run: string) => measure(run, bench, { running, pages }),
    }));
  },
};

const measure = async (
  run: string,
  { client, seconds }: Bench,
  { running, pages }: { running: RunningFlashclaim; pages: number },
): Promise<Figures> => {
  const open = await openLivePages(running.url, pages);
  try {
    return await runClaims(run, { client, running, connections: CONNECTIONS, expect: 'claimed', seconds });
  } finally {
    open.close();
  }
};
