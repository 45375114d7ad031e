import type { Claim, JobDecision } from '@flashclaim/core';
import { createPoint } from '@flashclaim/service';

/** Why a transaction was given up and its claims are decided anew, by a read. */
export const REASONS_TO_DECIDE_ANEW = [
  'too_few_units',
  'duplicate',
  'deadline',
  'transient',
  'commit_unknown',
] as const;
export type ReasonToDecideAnew = (typeof REASONS_TO_DECIDE_ANEW)[number];

/** Where claims pass in a worker: lane → decide → commit. `observe/` listens; nothing else does. */
export const points = {
  /** The claims of a job are about to be decided; `lane` is its name. */
  take: createPoint<{ lane: string; claims: readonly Claim[] }>('take'),
  /** Jobs were decided and committed, in one transaction that took so long. Not those that had been decided before. */
  commit: createPoint<{ decided: readonly JobDecision[]; milliseconds: number }>('commit'),
  decideAnew: createPoint<ReasonToDecideAnew>('decide-anew'),
};
