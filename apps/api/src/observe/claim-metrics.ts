import { OUTCOMES } from '@flashclaim/core';
import { CLAIMS_BUCKETS, SECONDS_BUCKETS, Tally, toSeconds } from '@flashclaim/service';
import { Counter, Gauge, type Registry } from 'prom-client';
import { points, type Told } from '../claims/points.ts';

/**
 * Counts and measures the path of claims through this process. For each claim there are a few additions; all else is done
 * for each job, or when somebody asks.
 */
export const observeClaims = (registry: Registry): void => {
  countReplies(registry);
  measureJobs(registry);
};

const countReplies = (registry: Registry): void => {
  const told: Partial<Record<Told, number>> = { pending: 0, unavailable: 0, unknown: 0 };
  for (const outcome of OUTCOMES) if (outcome !== 'invalid_request') told[outcome] = 0;
  let waiting = 0;
  const duration = new Tally({
    name: 'flashclaim_claim_duration_seconds',
    help: 'From submit to reply: how long a caller waited to be told what became of a claim.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  points.submit.subscribe(() => {
    waiting++;
  });
  points.reply.subscribe((reply) => {
    if (reply.told !== 'pending') waiting--;
    told[reply.told] = (told[reply.told] ?? 0) + 1;
    duration.observe(toSeconds(performance.now() - reply.claim.since));
  });
  points.late.subscribe(() => {
    waiting--;
  });

  new Counter({
    name: 'flashclaim_claims_total',
    help: 'Claims by what their callers were told; those that were turned away before are among the problems.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(told)) this.inc({ outcome }, count);
    },
  });
  new Gauge({
    name: 'flashclaim_claims_waiting',
    help: 'Claims in this process of which it is not known yet what becomes of them, also after a reply `pending`.',
    registers: [registry],
    collect() {
      this.set(waiting);
    },
  });
};

const measureJobs = (registry: Registry): void => {
  const gathering = new Tally({
    name: 'flashclaim_gather_duration_seconds',
    help: 'From submit to the job, of the claim in each job that gathered longest.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  const size = new Tally({
    name: 'flashclaim_job_claims',
    help: 'Claims in a job.',
    bounds: CLAIMS_BUCKETS,
    registry,
  });
  const lag = new Tally({
    name: 'flashclaim_answer_lag_seconds',
    help: 'From the commit, by the clock of the worker, until this process heard of it.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  const unheard = new Counter({
    name: 'flashclaim_answers_unheard_total',
    help: 'Jobs whose answer was lost, and which this process had to look for itself.',
    registers: [registry],
  });
  let underWay = 0;
  new Gauge({
    name: 'flashclaim_jobs_under_way',
    help: 'Jobs of this process that are not answered yet.',
    registers: [registry],
    collect() {
      this.set(underWay);
    },
  });
  points.gather.subscribe(({ claims, sentAt }) => {
    underWay++;
    size.observe(claims.length);
    // Claims keep their order of arrival.
    gathering.observe(toSeconds(sentAt - (claims[0]?.since ?? sentAt)));
  });
  points.answer.subscribe(({ committedAt }) => {
    underWay--;
    if (committedAt === undefined) unheard.inc();
    // biome-ignore lint/plugin/wall-clock: the age of a stamp that the worker made; nothing is decided by it.
    else lag.observe(toSeconds(Date.now() - committedAt));
  });
};
