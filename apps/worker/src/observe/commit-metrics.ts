import { COUNTED_DECISIONS, countedAs } from '@flashclaim/core';
import { CLAIMS_BUCKETS, FastHistogram, SECONDS_BUCKETS } from '@flashclaim/runtime';
import { Counter, type Registry } from 'prom-client';
import { channels, RETRY_REASONS } from '../channels.ts';

/** Counts and measures the transactions of this process. */
export const observeCommits = (registry: Registry): void => {
  const duration = new FastHistogram({
    name: 'flashclaim_commit_duration_seconds',
    help: 'Duration of a committed transaction: decide, write, commit.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  const size = new FastHistogram({
    name: 'flashclaim_commit_claims',
    help: 'Claims in one transaction.',
    bounds: CLAIMS_BUCKETS,
    registry,
  });
  const decided = new Counter({
    name: 'flashclaim_decisions_total',
    help: 'Decided claims, by decision. A job that runs twice is decided once.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const retries = new Counter({
    name: 'flashclaim_commit_retries_total',
    help: 'Aborted transactions whose claims were decided again.',
    labelNames: ['reason'],
    registers: [registry],
  });
  for (const outcome of COUNTED_DECISIONS) decided.inc({ outcome }, 0);
  for (const reason of RETRY_REASONS) retries.inc({ reason }, 0);

  channels.commit.subscribe(({ decided: jobs, milliseconds }) => {
    const decisions = jobs.flatMap((job) => job.decisions);
    duration.observe(milliseconds / 1_000);
    size.observe(decisions.length);
    for (const [outcome, alike] of Map.groupBy(decisions, countedAs)) decided.inc({ outcome }, alike.length);
  });
  channels.retry.subscribe((reason) => retries.inc({ reason }));
};
