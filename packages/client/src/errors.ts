import type { Problem, ProblemCode } from './documents.ts';

/**
 * What went wrong: the API's own codes, and four codes of the client.
 * - `no_answer`: the connection failed, or a gateway answered instead of the API.
 * - `timed_out`: the time for the call was over.
 * - `attempts_exhausted`: every attempt failed; `cause` is the last failure.
 * - `not_flashclaim`: the answer does not come from a Flashclaim API.
 */
export type FaultCode = ProblemCode | 'no_answer' | 'timed_out' | 'attempts_exhausted' | 'not_flashclaim';

export interface Fault {
  code: FaultCode;
  message: string;
  /** The HTTP status, if there was an answer. */
  status?: number | undefined;
  /** The API's id of the request. The operators of the API need it to find the request in their logs. */
  requestId?: string | undefined;
  /** How long to wait before the next request, as the API asks. */
  retryAfterMs?: number | undefined;
  /** With status 503: whether the API may have carried out the request. */
  done?: Problem['done'];
  /** With code `sale_not_open`: why. */
  reason?: Problem['reason'];
  cause?: unknown;
}

/** A call without an outcome. Branch on `code`; `message` is for people. */
export class FlashclaimError extends Error {
  override readonly name: string = 'FlashclaimError';
  readonly code: FaultCode;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly done: Problem['done'];

  constructor({ code, message, status, requestId, retryAfterMs, done, cause }: Fault) {
    super(message, { cause });
    this.code = code;
    this.status = status;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
    this.done = done;
  }
}

/** What is known about a claim without an outcome. */
export interface ClaimKnowledge {
  /** Claim again with this key to get the outcome: the key can make only one claim. */
  idempotencyKey: string;
  /** `no`: this call claimed nothing and will claim nothing. `unknown`: an attempt may have claimed a unit. */
  claimed: 'no' | 'unknown';
  /** The claim's id, if the API answered 202. */
  claimId: string | undefined;
  /** How many attempts failed. */
  attempts: number;
}

/** A claim without an outcome, and what is known about it. */
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
