import type { CountedDecision, ProblemCode } from '@flashclaim/core';
import { createChannel } from '@flashclaim/runtime';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

/** The answer to a claim or to a release, in one word. */
export type AnswerCode = CountedDecision | Extract<Answer, string>;

/** Why a claim was rejected. Nothing was or will be done for it. */
export type RejectionCode = Extract<ProblemCode, 'overloaded' | 'rate_limited' | 'unavailable'>;

/** A job that this process sent to a lane. */
export interface DispatchedJob {
  id: string;
  lane: number;
  claims: readonly WaitingClaim[];
  /** In ms of the monotonic clock. */
  sentAt: number;
  /** When the worker committed the job, in ms since the epoch by its clock. A job record does not contain it. */
  committedAt?: number | undefined;
  /** The trace context. The trace plugin sets it at dispatch, and the worker continues the trace. */
  trace?: string | undefined;
}

/** The diagnostics channels of the claim path. Metrics, traces, logs and the live page subscribe; no claim depends on them. */
export const channels = {
  /** A claim was admitted. */
  submit: createChannel<WaitingClaim>('submit'),
  /** A claim was not admitted. */
  reject: createChannel<RejectionCode>('reject'),
  /** A batch of claims goes to its lane as a job. */
  dispatch: createChannel<DispatchedJob>('dispatch'),
  /** A job is settled. */
  answer: createChannel<DispatchedJob>('answer'),
  /** A caller is answered: once for each claim. After any answer but `pending` the claim is settled. */
  reply: createChannel<{ claim: WaitingClaim; answer: AnswerCode }>('reply'),
  /** A claim that was answered `pending` is settled. */
  late: createChannel<WaitingClaim>('late'),
};
