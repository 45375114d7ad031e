import type { Faults } from '@flashclaim/audit';
import type { Part } from './candidates/candidate.ts';

/** One measured run. Everything the tables and the requirements need, and what `--json` writes. */
export interface RunRecord {
  load: string;
  /** Whose run it was: a candidate, or a variant of one. */
  who: string;
  round: number;
  /** Why this run has no figure: it was not exact, or answers were not what they should be. */
  fault?: string;
  perSecond?: number;
  p50Ms?: number;
  p95Ms?: number;
  p99Ms?: number;
  /** For 10,000 answers. */
  cpuSeconds?: Partial<Record<Part, number>>;
  peakMb?: Partial<Record<Part, number>>;
  audit?: AuditOfRun;
  /** In MongoDB, during the run. */
  abortedTransactions?: number;
  /** What else there is to say of the run. */
  note?: string;
  /** What the load client reported, as it did. */
  raw?: unknown;
}

/** Among the `lost` are callers who were told that they hold a unit, but don't. */
export type AuditOfRun = Faults & { claims: number };

/** What a run yields before it is known whose it was. */
export type Figures = Omit<RunRecord, 'load' | 'who' | 'round'>;
