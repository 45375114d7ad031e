import type { Faults } from '@flashclaim/audit';
import type { Part } from './candidates/candidate.ts';

/** One measured run, as the tables, the requirements and `--json` use it. */
export interface RunRecord {
  load: string;
  /** The contestant: a candidate, or a variant of one. */
  who: string;
  round: number;
  /** Why this run has no figure: it was incorrect, or had unexpected answers. */
  fault?: string;
  perSecond?: number;
  p50Ms?: number;
  p95Ms?: number;
  p99Ms?: number;
  /** For 10,000 answers. */
  cpuSeconds?: Partial<Record<Part, number>>;
  peakMb?: Partial<Record<Part, number>>;
  audit?: AuditOfRun;
  /** Aborted transactions in MongoDB during the run. */
  abortedTransactions?: number;
  /** An additional remark. */
  note?: string;
  /** The unchanged report of the load client. */
  raw?: unknown;
}

/** The faults and claims of a run. `lost` also counts callers who were granted a unit but have no claim. */
export type AuditOfRun = Faults & { claims: number };

/** The result of a run without its load, contestant and round. */
export type Figures = Omit<RunRecord, 'load' | 'who' | 'round'>;
