import { describeFaults } from '@flashclaim/audit';
import type { Running } from '../candidates/candidate.ts';
import type { LoadResult } from '../client/load-client.ts';
import type { Cost } from '../measure/watch.ts';
import type { AuditOfRun, Figures } from '../run-record.ts';

/** Figures from a load client and the cost of the processes. `answers` is the number of answers of all load clients. */
export const figuresOf = (result: LoadResult, cost: Cost, answers = result.requests): Figures => ({
  perSecond: answers / result.seconds,
  p50Ms: result.p50Ms,
  p95Ms: result.p95Ms,
  p99Ms: result.p99Ms,
  cpuSeconds: Object.fromEntries(
    Object.entries(cost.cpuSeconds).map(([part, used]) => [part, (used / answers) * 10_000]),
  ),
  peakMb: cost.peakMb,
});

export interface Recount {
  names: readonly string[];
  /** Taken units before the run. */
  before: number;
  /** Answers with 200 during the run. */
  granted: number;
  /** Most claims that may be decided without an answer: the client stops in the middle of its requests. */
  unseenMax: number;
}

/** Recounts the coupons of a run. `fault` says why the run is incorrect, if it is. */
export const recount = async (
  running: Running,
  { names, before, granted, unseenMax }: Recount,
): Promise<{ audit?: AuditOfRun; fault?: string }> => {
  if (!running.store) return {};
  const { claims, ...found } = await running.store.audit(names);
  const unseen = claims - before - granted;
  const { oversold, double, lost, orphaned, misnumbered, malformed } = found;
  const faults = { oversold, double, lost: lost + Math.max(0, -unseen), orphaned, misnumbered, malformed };
  const audit = { claims, ...faults };
  if (Object.values(faults).some((count) => count > 0)) return { audit, fault: `incorrect: ${describeFaults(audit)}` };
  if (unseen > unseenMax) return { audit, fault: `${unseen} claims without an answer` };
  return { audit };
};
