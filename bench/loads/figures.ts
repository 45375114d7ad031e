import { describeFaults } from '@flashclaim/audit';
import type { Running } from '../candidates/candidate.ts';
import type { LoadResult } from '../client/load-client.ts';
import type { Cost } from '../measure/watch.ts';
import type { AuditOfRun, Figures } from '../run-record.ts';

/** What a load client and the processes showed. `answers`: those of all load clients, where there was more than one. */
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
  /** Units that were taken before the run. */
  before: number;
  /** The 200s that callers saw since. */
  granted: number;
  /** Claims that may have been decided although nobody saw the answer: the client stopped in their midst. */
  unseenMax: number;
}

/** The audit line of a run, and why it is not exact, if it is not. */
export const recount = async (
  running: Running,
  { names, before, granted, unseenMax }: Recount,
): Promise<{ audit?: AuditOfRun; fault?: string }> => {
  if (!running.store) return {};
  const { claims, oversold, double, lost, orphaned } = await running.store.audit(names);
  const unseen = claims - before - granted;
  const audit = { claims, oversold, double, lost: lost + Math.max(0, -unseen), orphaned };
  if (oversold + double + audit.lost + orphaned > 0) return { audit, fault: `not exact: ${describeFaults(audit)}` };
  if (unseen > unseenMax) return { audit, fault: `${unseen} claims that no caller was told of` };
  return { audit };
};
