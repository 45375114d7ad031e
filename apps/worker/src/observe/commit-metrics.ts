import { OUTCOMES } from '@flashclaim/core';
import { CLAIMS_BUCKETS, FastHistogram, SECONDS_BUCKETS } from '@flashclaim/runtime';
import { Counter, type Registry } from 'prom-client';
import { channels, RETRY_REASONS } from '../channels.ts';

/** Counts and measures the transactions of this process. */
export const observeCommits = (registry: Registry): void => {
  const duration = new FastHistogram({
    name: 'flashclaim_commit_duration_seconds',
    help: 'A transaction that was committed: decide, write, commit.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  const size = new FastHistogram({
    name: 'flashclaim_commit_claims',
    help: 'Claims that shared a transaction.',
    bounds: CLAIMS_BUCKETS,
    registry,
  });
  const decided = new Counter({
    name: 'flashclaim_decisions_total',
    help: 'Claims by what was decided of them; a job that runs twice is decided once.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const decidedAnew = new Counter({
    name: 'flashclaim_commit_retries_total',
    help: 'Transactions that were given up, and whose claims were decided anew.',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const outcome of OUTCOMES) if (outcome !== 'invalid_request') decided.inc({ outcome }, 0);
  for (const reason of RETRY_REASONS) decidedAnew.inc({ reason }, 0);

  channels.commit.subscribe(({ decided: jobs, milliseconds }) => {
    const decisions = jobs.flatMap((job) => job.decisions);
    duration.observe(milliseconds / 1_000);
    size.observe(decisions.length);
    for (const [outcome, alike] of Map.groupBy(decisions, (decision) => decision))
      decided.inc({ outcome }, alike.length);
  });
  channels.retry.subscribe((reason) => decidedAnew.inc({ reason }));
};
