import { PARTS, type Part, type Processes } from '../candidates/candidate.ts';
import { cpuSeconds, HAS_PROC, residentMb } from './process-figures.ts';

/** The cost of a load. A part that a candidate does not have is absent. */
export interface Cost {
  cpuSeconds: Partial<Record<Part, number>>;
  /** Peak memory of the largest process of the part. */
  peakMb: Partial<Record<Part, number>>;
}

/** Peaks are sampled, because the kernel's own peak can't be reset everywhere and may come from an earlier run. */
const SAMPLE_EVERY_MS = 100;

/** Measures the processes until `end` is called. */
export const watch = (processes: Processes): { end(): Cost } => {
  const parts = HAS_PROC ? PARTS.filter((part) => processes[part].length > 0) : [];
  const cpuOf = (part: Part) => processes[part].reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = new Map(parts.map((part) => [part, cpuOf(part)]));
  const peakMb: Cost['peakMb'] = {};
  const sample = () => {
    for (const part of parts) peakMb[part] = Math.max(peakMb[part] ?? 0, ...processes[part].map(residentMb));
  };
  sample();
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  return {
    end: () => {
      clearInterval(timer);
      sample();
      const used = parts.map((part) => [part, cpuOf(part) - (before.get(part) ?? 0)]);
      return { cpuSeconds: Object.fromEntries(used), peakMb };
    },
  };
};
