import { FastHistogram, SECONDS_BUCKETS, toSeconds } from '@flashclaim/runtime';
import type { Worker } from 'bullmq';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RunningJobs } from '../running-jobs.ts';

/**
 * Counts and measures the jobs of this process, as BullMQ tells of them.
 * @returns what begins that for a lane.
 */
export const observeJobs = (registry: Registry, running: Pick<RunningJobs, 'count'>): ((lane: Worker) => void) => {
  const inLane = new FastHistogram({
    name: 'flashclaim_lane_duration_seconds',
    help: 'From the sending of a job, by the clock of the API, until this process began to run it for the first time.',
    bounds: SECONDS_BUCKETS,
    registry,
  });
  new Gauge({
    name: 'flashclaim_jobs_running',
    help: 'Jobs that this process runs now.',
    registers: [registry],
    collect() {
      this.set(running.count);
    },
  });
  const failures = new Counter({
    name: 'flashclaim_job_failures_total',
    help: 'Runs of a job that threw: it is run again in a moment, or, where final is true, was given up.',
    labelNames: ['final'],
    registers: [registry],
  });
  const stalled = new Counter({
    name: 'flashclaim_stalled_jobs_total',
    help: 'Jobs that lost their worker, found by this process, and run again.',
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
