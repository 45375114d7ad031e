import type { Decision } from '@flashclaim/core';
import { createPoint } from '@flashclaim/service';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

/** What a caller is told of a claim that was taken. */
export type Told = Decision | Extract<Answer, string>;

/** A job in flight. */
export interface PassingJob {
  id: string;
  lane: number;
  claims: readonly WaitingClaim[];
  /** In ms of the monotonic clock. */
  sentAt: number;
  /** In ms since the epoch, as the worker sent it with its answer; a record does not hold it. */
  committedAt?: number | undefined;
  /** Set by who traces it, when it goes: travels with the job, for the worker to go on with. */
  trace?: string | undefined;
}

/** Where a claim passes in this process: submit → gather → … → answer → reply. `observe/` listens; nothing else does. */
export const points = {
  /** A claim was taken in. */
  submit: createPoint<WaitingClaim>('submit'),
  /** Claims have gathered, and go to their lane as a job. */
  gather: createPoint<PassingJob>('gather'),
  /** What became of a job is known, or that it can't be. */
  answer: createPoint<PassingJob>('answer'),
  /** A caller is told what became of a claim: once for each claim, and nothing more becomes of it unless it is `pending`. */
  reply: createPoint<{ claim: WaitingClaim; told: Told }>('reply'),
  /** A claim whose caller was told `pending` is decided. */
  late: createPoint<WaitingClaim>('late'),
};
