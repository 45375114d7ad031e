import type { Claim, ClaimStatus, ClosedReason } from './documents.ts';
import { type FaultCode, FlashclaimError } from './errors.ts';
import { readDocument, readFault } from './read-answer.ts';
import { retryAfterMs } from './retry-after.ts';
import type { Answer, HttpRequest } from './send-request.ts';

/** Outcomes without a unit. A later claim may have another outcome, for example after a coupon was created. */
const REFUSALS = ['coupon_not_found', 'claim_released', 'already_claimed', 'sale_not_open', 'out_of_stock'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** The outcome of a claim. */
export type ClaimOutcome =
  | {
      outcome: 'claimed';
      claim: Claim;
      /** An earlier request with the same key made this claim, for example one whose answer was lost. */
      replayed: boolean;
    }
  | { outcome: 'sale_not_open'; reason: ClosedReason }
  /** `claim_released`: this claim had a unit, which was released. To claim again, use another key. */
  | { outcome: Exclude<Refusal, 'sale_not_open'> };

/** A claim that is not decided yet, and the request for its status. */
export interface Pending {
  outcome: 'pending';
  claimId: string;
  next: HttpRequest;
  retryAfterMs: number | undefined;
}

export interface ClaimRequest {
  userId: string;
  couponName: string;
}

/**
 * Reads a claim from the answer to its submission or to a status request.
 * @throws FlashclaimError if the answer has no outcome of this claim.
 */
export const readClaim = (answer: Answer, request: ClaimRequest): ClaimOutcome | Pending => {
  const { response } = answer;
  if (!response.ok) {
    const fault = readFault(answer);
    if (isRefusal(fault.code)) return toRefusal(answer, fault.code, fault.reason);
    throw new FlashclaimError(fault);
  }
  const document = readDocument<ClaimStatus>(answer, [200, 202], 'claim_id');
  switch (document.status) {
    case 'claimed':
      if (answer.request.method === 'GET') requireOwn(answer, document, request);
      return { outcome: 'claimed', claim: toClaim(answer, document), replayed: isReplay(response) };
    case 'released':
      requireOwn(answer, document, request);
      return { outcome: 'claim_released' };
    case 'pending':
      return { outcome: 'pending', claimId: document.claim_id, ...statusRequest(answer, document.claim_id) };
    case 'refused':
      // It timed out undecided, or it is the claim on another coupon. Only a new submission gets a decision.
      if (!isOwn(document, request) || document.code === 'timed_out')
        throw faultOf(answer, 'not_found', 'The claim was not decided.');
      if (isRefusal(document.code)) return toRefusal(answer, document.code, document.reason);
      throw faultOf(answer, document.code as FaultCode, `The claim was refused: ${document.code}.`);
    default:
      document.status satisfies never;
      throw faultOf(answer, 'not_flashclaim', 'The claim has a status that no claim has.');
  }
};

const isRefusal = (code: string): code is Refusal => REFUSALS.some((refusal) => refusal === code);

const toRefusal = (answer: Answer, outcome: Refusal, reason: ClosedReason | undefined): ClaimOutcome => {
  if (outcome !== 'sale_not_open') return { outcome };
  if (reason === undefined) throw faultOf(answer, 'not_flashclaim', 'The answer lacks the reason of the refusal.');
  return { outcome, reason };
};

const isReplay = ({ headers }: Response): boolean => headers.get('idempotency-replayed') === 'true';

/**
 * The claim of a document, without its status.
 * @throws FlashclaimError if the document lacks a part of it.
 */
export const toClaim = (answer: Answer, document: Partial<Claim>): Claim => {
  const { claim_id, user_id, coupon_name, sequence, claimed_at } = document;
  if (
    claim_id === undefined ||
    user_id === undefined ||
    coupon_name === undefined ||
    sequence === undefined ||
    claimed_at === undefined
  )
    throw faultOf(answer, 'not_flashclaim', 'The answer lacks a part of the claim.');
  return { claim_id, user_id, coupon_name, sequence, claimed_at };
};

const requireOwn = (answer: Answer, document: ClaimStatus, request: ClaimRequest): void => {
  if (!isOwn(document, request))
    throw faultOf(answer, 'idempotency_key_reused', 'The key belongs to a claim on another coupon.');
};

/** The claim id follows from user and key, and the same key may have been sent for another coupon. */
const isOwn = ({ user_id, coupon_name }: ClaimStatus, { userId, couponName }: ClaimRequest): boolean =>
  isSame(user_id, userId) && isSame(coupon_name, couponName);

/** Compares names in Unicode NFC, as the API does. */
const isSame = (one: string | undefined, other: string): boolean => one?.normalize() === other.normalize();

const statusRequest = (answer: Answer, claimId: string): Pick<Pending, 'next' | 'retryAfterMs'> => {
  const { request, response } = answer;
  // A page on another origin can't read `Location` unless the API exposes it.
  const location = response.headers.get('location') ?? `../claims/${encodeURIComponent(claimId)}`;
  const url = URL.canParse(location, request.url) ? new URL(location, request.url) : undefined;
  if (url?.origin !== new URL(request.url).origin)
    throw faultOf(
      answer,
      'not_flashclaim',
      `The Location of the claim's status is ${location}, which is not an address of this API.`,
    );
  return { next: { method: 'GET', url: url.href }, retryAfterMs: retryAfterMs(response.headers) };
};

/** The fault of an answer that is well-formed, but not what was expected. */
export const faultOf = (answer: Answer, code: FaultCode, message: string): FlashclaimError =>
  new FlashclaimError({ ...readFault(answer), code, message });
