import type { Claim, JobDecision } from '@flashclaim/core';
import { createChannel } from '@flashclaim/runtime';

/** Why a transaction was aborted, and its claims are decided again. */
export const RETRY_REASONS = [
  'contradicted',
  'duplicate',
  'deadline',
  'transient',
  'commit_unknown',
  'rejected',
] as const;
export type RetryReason = (typeof RETRY_REASONS)[number];

/** The diagnostics channels of the job path. `observe/` subscribes. */
export const channels = {
  /** A worker has taken a job; `lane` is the name of its lane. */
  take: createChannel<{ lane: string; claims: readonly Claim[] }>('take'),
  /** Jobs were decided and committed in one transaction. Jobs that were decided before are not among them. */
  commit: createChannel<{ decided: readonly JobDecision[]; milliseconds: number }>('commit'),
  retry: createChannel<RetryReason>('retry'),
};
