import type { ProblemCode } from './documents.ts';

/**
 * What went wrong: the API's own codes, and the words that only a client can need.
 * - `no_answer`: the network, or a gateway on the way, gave none.
 * - `timed_out`: the time for the call was over.
 * - `attempts_exhausted`: every attempt at a claim failed; `cause` is the last failure.
 * - `not_flashclaim`: what answered is no Flashclaim API.
 */
export type FaultCode = ProblemCode | 'no_answer' | 'timed_out' | 'attempts_exhausted' | 'not_flashclaim';

export interface Fault {
  code: FaultCode;
  message: string;
  /** The HTTP status, where there was an answer. */
  status?: number | undefined;
  /** The API's id of the request, to be named to whoever runs the API. */
  requestId?: string | undefined;
  /** How long the API asks to be left alone. */
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** A call that has no outcome. Branch on `code`; `message` is for people. */
export class FlashclaimError extends Error {
  override readonly name: string = 'FlashclaimError';
  readonly code: FaultCode;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor({ code, message, status, requestId, retryAfterMs, cause }: Fault) {
    super(message, { cause });
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What is known of a claim that has no outcome. */
export interface ClaimKnowledge {
  /** Claim again with it to learn the outcome: it can only ever make one claim. */
  idempotencyKey: string;
  /** `no`: nothing was claimed, nor will be, by this call. `unknown`: some attempt may have claimed a unit. */
  claimed: 'no' | 'unknown';
  /** The claim's id, where the API told it with 202. */
  claimId: string | undefined;
  /** How many attempts failed. */
  attempts: number;
}

/** A claim that has no outcome, and what is known of it. */
export class ClaimError extends FlashclaimError implements ClaimKnowledge {
  override readonly name = 'ClaimError';
  readonly idempotencyKey: string;
  readonly claimed: 'no' | 'unknown';
  readonly claimId: string | undefined;
  readonly attempts: number;

  constructor(fault: Fault, { idempotencyKey, claimed, claimId, attempts }: ClaimKnowledge) {
    const advice = `Whether a unit is claimed is unknown: claim again with idempotencyKey "${idempotencyKey}".`;
    super({ ...fault, message: `${fault.message} ${claimed === 'no' ? 'Nothing was claimed.' : advice}` });
    this.idempotencyKey = idempotencyKey;
    this.claimed = claimed;
    this.claimId = claimId;
    this.attempts = attempts;
  }
}
