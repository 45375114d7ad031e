import type { Answer, Question } from './ask.ts';
import type { Claim, ClaimStatus } from './documents.ts';
import { type FaultCode, FlashclaimError } from './errors.ts';
import { readDocument, readFault } from './read-answer.ts';
import { retryAfterMs } from './retry-after.ts';

/** A claim that the API decided against. Asking again may end otherwise, once somebody changed something. */
const REFUSALS = ['coupon_not_found', 'already_claimed', 'out_of_stock'] as const;
export type Rejection = (typeof REFUSALS)[number];

/** What can become of a claim. */
export type ClaimOutcome =
  | {
      outcome: 'claimed';
      claim: Claim;
      /** The API said that an earlier request with the same key made this claim, for instance one whose answer got lost. */
      replayed: boolean;
    }
  | { outcome: Rejection };

/** Where to ask what became of a claim that is not decided yet. */
export interface Pending {
  outcome: 'pending';
  claimId: string;
  next: Question;
  retryAfterMs: number | undefined;
}

export interface ClaimRequest {
  userId: string;
  couponName: string;
}

/** What the submission of a claim answers: the claim itself, or that it is pending. */
type Document = ClaimStatus | (Claim & { status?: never });

/**
 * What an answer says of a claim, whether the answer is to its submission or to the question where it stands.
 * @throws FlashclaimError where it says nothing of the claim.
 */
export const readClaim = (answer: Answer, request: ClaimRequest): ClaimOutcome | Pending => {
  const { response } = answer;
  if (!response.ok) {
    const fault = readFault(answer);
    if (isRefusal(fault.code)) return { outcome: fault.code };
    throw new FlashclaimError(fault);
  }
  const document = readDocument<Document>(answer, [200, 202], 'claim_id');
  switch (document.status) {
    case undefined:
      return { outcome: 'claimed', claim: toClaim(answer, document), replayed: isReplay(response) };
    case 'claimed':
      if (isOwn(document, request)) return { outcome: 'claimed', claim: toClaim(answer, document), replayed: false };
      throw faultOf(answer, 'idempotency_key_reused', 'The key belongs to a claim of another user or coupon.');
    case 'pending':
      return { outcome: 'pending', claimId: document.claim_id, ...whereToAsk(answer, document.claim_id) };
    case 'refused':
      // Nothing was or will be granted by it, or it is another's: only a new request gets a decision.
      if (!isOwn(document, request) || document.code === 'timed_out')
        throw faultOf(answer, 'not_found', 'The claim was not decided.');
      if (isRefusal(document.code)) return { outcome: document.code };
      throw faultOf(answer, document.code as FaultCode, `The claim was refused: ${document.code}.`);
    default:
      document satisfies never;
      throw faultOf(answer, 'not_flashclaim', 'The claim has a status that no claim has.');
  }
};

const isRefusal = (code: string): code is Rejection => REFUSALS.some((refusal) => refusal === code);

const isReplay = ({ headers }: Response): boolean => headers.get('idempotency-replayed') === 'true';

const toClaim = (answer: Answer, document: Partial<Claim>): Claim => {
  const { claim_id, user_id, coupon_name, claimed_at } = document;
  if (claim_id === undefined || user_id === undefined || coupon_name === undefined || claimed_at === undefined)
    throw faultOf(answer, 'not_flashclaim', 'The answer lacks a part of the claim.');
  return { claim_id, user_id, coupon_name, claimed_at };
};

/** A claim id belongs to a key, and may have been asked for with it by somebody else. */
const isOwn = ({ user_id, coupon_name }: ClaimStatus, { userId, couponName }: ClaimRequest): boolean =>
  isSame(user_id, userId) && isSame(coupon_name, couponName);

/** Names are compared in Unicode NFC. */
const isSame = (one: string | undefined, other: string): boolean => one?.normalize() === other.normalize();

const whereToAsk = (answer: Answer, claimId: string): Pick<Pending, 'next' | 'retryAfterMs'> => {
  const { question, response } = answer;
  // A browser sees the header of another origin only where that exposes it.
  const location = response.headers.get('location') ?? `../claims/${encodeURIComponent(claimId)}`;
  const url = URL.canParse(location, question.url) ? new URL(location, question.url) : undefined;
  if (url?.origin !== new URL(question.url).origin)
    throw faultOf(answer, 'not_flashclaim', `The claim is to be asked for at ${location}, which is not of this API.`);
  return { next: { method: 'GET', url: url.href }, retryAfterMs: retryAfterMs(response.headers) };
};

const faultOf = (answer: Answer, code: FaultCode, message: string): FlashclaimError =>
  new FlashclaimError({ ...readFault(answer), code, message });
