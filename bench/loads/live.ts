import { type RunningFlashclaim, startFlashclaim } from '../candidates/flashclaim.ts';
import { openLivePages } from '../client/live-pages.ts';
import type { Figures } from '../run-record.ts';
import { runClaims } from './claim-run.ts';
import { type Bench, type BenchLoad, contestantOf } from './load.ts';

const CONNECTIONS = 256;
const PAGES = 200;

/** The cost of open live pages during a sale. */
export const live: BenchLoad = {
  name: 'live',
  title: `one hot coupon, ${CONNECTIONS} connections, with open live pages`,
  prepare: async (bench) => {
    const running = await startFlashclaim({ stack: bench.stack, settings: bench.settings });
    bench.onDone(() => running.stop());
    return [
      { name: 'no live page', pages: 0 },
      { name: 'a live page', pages: 1 },
      { name: `${PAGES} live pages`, pages: PAGES },
    ].map(({ name, pages }) =>
      contestantOf(name, bench, (run, seconds) => measure(run, { ...bench, seconds }, { running, pages })),
    );
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
