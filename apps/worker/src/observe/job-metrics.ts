import { FastHistogram, SECONDS_BUCKETS, toSeconds } from '@flashclaim/runtime';
import type { Worker } from 'bullmq';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RunningJobs } from '../running-jobs.ts';

/**
 * Counts and measures the jobs of this process, by BullMQ's events.
 * @returns a function that observes one lane.
 */
export const observeJobs = (registry: Registry, running: Pick<RunningJobs, 'count'>): ((lane: Worker) => void) => {
  const inLane = new FastHistogram({
    name: 'flashclaim_lane_duration_seconds',
    help: 'Time from the dispatch of a job, by the clock of the API, until this process starts its first run.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  new Gauge({
    name: 'flashclaim_jobs_running',
    help: 'Jobs that this process runs at present.',
    registers: [registry],
    collect() {
      this.set(running.count);
    },
  });
  const failures = new Counter({
    name: 'flashclaim_job_failures_total',
    help: 'Failed runs of jobs. Where final is false, the job runs again; where it is true, it never does.',
    labelNames: ['final'],
    registers: [registry],
  });
  const stalled = new Counter({
    name: 'flashclaim_stalled_jobs_total',
    help: 'Jobs whose worker was lost, as this process detected. They run again.',
    registers: [registry],
  });
  for (const final of ['true', 'false']) failures.inc({ final }, 0);

  return (lane) => {
    lane.on('active', (job) => {
      if (job.attemptsStarted === 1 && job.processedOn) inLane.observe(toSeconds(job.processedOn - job.timestamp));
    });
    lane.on('failed', (job) => failures.inc({ final: String(job?.finishedOn !== undefined) }));
    lane.on('stalled', () => stalled.inc());
  };
};
