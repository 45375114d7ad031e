import { COUNTED_DECISIONS } from '@flashclaim/core';
import { CLAIMS_BUCKETS, FastHistogram, SECONDS_BUCKETS, toSeconds } from '@flashclaim/runtime';
import { Counter, Gauge, type Registry } from 'prom-client';
import { type AnswerCode, channels } from '../claims/channels.ts';

/** Counts and measures the claim path of this process. A claim costs a few additions; the rest is done for each job or scrape. */
export const observeClaims = (registry: Registry): void => {
  countReplies(registry);
  measureJobs(registry);
};

const countReplies = (registry: Registry): void => {
  const answers: Partial<Record<AnswerCode, number>> = { pending: 0, unavailable: 0, unknown: 0 };
  for (const decision of COUNTED_DECISIONS) answers[decision] = 0;
  let waiting = 0;
  const duration = new FastHistogram({
    name: 'flashclaim_claim_duration_seconds',
    help: 'Time from the submission of a claim to the reply to its caller.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  channels.submit.subscribe(() => {
    waiting++;
  });
  channels.reply.subscribe(({ claim, answer }) => {
    if (answer !== 'pending') waiting--;
    answers[answer] = (answers[answer] ?? 0) + 1;
    duration.observe(toSeconds(performance.now() - claim.since));
  });
  channels.late.subscribe(() => {
    waiting--;
  });

  new Counter({
    name: 'flashclaim_claims_total',
    help: 'Answers to claims and releases, by outcome. Rejected claims are counted as problems.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(answers)) this.inc({ outcome }, count);
    },
  });
  new Gauge({
    name: 'flashclaim_claims_waiting',
    help: 'Claims in this process that are not settled, including those that were answered `pending`.',
    registers: [registry],
    collect() {
      this.set(waiting);
    },
  });
};

const measureJobs = (registry: Registry): void => {
  const batching = new FastHistogram({
    name: 'flashclaim_batch_duration_seconds',
    help: 'Time from submission to dispatch, for the oldest claim of each job.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  const size = new FastHistogram({
    name: 'flashclaim_job_claims',
    help: 'Claims per job.',
    bounds: CLAIMS_BUCKETS,
    registry,
  });
  const lag = new FastHistogram({
    name: 'flashclaim_answer_lag_seconds',
    help: 'Time from the commit, by the clock of the worker, to the arrival of its answer.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  const lost = new Counter({
    name: 'flashclaim_answers_lost_total',
    help: 'Jobs whose answer was lost, so that this process read their records.',
    registers: [registry],
  });
  let inFlight = 0;
  new Gauge({
    name: 'flashclaim_jobs_in_flight',
    help: 'Jobs of this process without an answer.',
    registers: [registry],
    collect() {
      this.set(inFlight);
    },
  });
  channels.dispatch.subscribe(({ claims, sentAt }) => {
    inFlight++;
    size.observe(claims.length);
    // Claims keep their order of arrival.
    batching.observe(toSeconds(sentAt - (claims[0]?.since ?? sentAt)));
  });
  channels.answer.subscribe(({ committedAt }) => {
    inFlight--;
    if (committedAt === undefined) lost.inc();
    // biome-ignore lint/plugin/wall-clock: the age of a timestamp of the worker, for a metric only.
    else lag.observe(toSeconds(Date.now() - committedAt));
  });
};
