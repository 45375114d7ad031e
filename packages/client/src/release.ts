import type { ClaimStatus, ReleasedClaim } from './documents.ts';
import { FlashclaimError } from './errors.ts';
import { readDocument, readFault } from './read-answer.ts';
import { faultOf, toClaim } from './read-claim.ts';
import { retryAfterMs } from './retry-after.ts';
import { type RetryOptions, RetryPolicy } from './retry-policy.ts';
import type { Answer, HttpRequest, Transport } from './send-request.ts';

/** Why nothing was released. `claim_pending`: the claim is not decided; release it again later. */
const NOT_RELEASED = ['not_found', 'claim_pending'] as const;

/** The outcome of a release. */
export type ReleaseOutcome = { outcome: 'released'; claim: ReleasedClaim } | { outcome: (typeof NOT_RELEASED)[number] };

/** The API did not finish the release in time. */
interface Unfinished {
  outcome: 'unfinished';
  retryAfterMs: number | undefined;
}

/**
 * Releases a claim until the outcome is known: repeats the request after a failure and after a 202. However often a claim is
 * released, it returns its unit once.
 * @throws FlashclaimError if there is no outcome; the signal's reason if it aborts; RangeError on a wrong option.
 */
export const release = async (
  transport: Transport,
  claimId: string,
  options: RetryOptions,
): Promise<ReleaseOutcome> => {
  const policy = new RetryPolicy(transport, `The release of claim ${claimId}`, options);
  const request: HttpRequest = {
    method: 'DELETE',
    url: `${transport.baseUrl}/api/claims/${encodeURIComponent(claimId)}`,
    headers: transport.adminHeaders,
  };
  for (;;) {
    const result = await policy.send(request, readRelease);
    if (result.outcome !== 'unfinished') return result;
    await policy.pending(result.retryAfterMs);
  }
};

const readRelease = (answer: Answer): ReleaseOutcome | Unfinished => {
  const { status, ok, headers } = answer.response;
  if (!ok) {
    const fault = readFault(answer);
    const outcome = NOT_RELEASED.find((code) => code === fault.code);
    if (outcome) return { outcome };
    throw new FlashclaimError(fault);
  }
  const document = readDocument<ClaimStatus>(answer, [200, 202], 'claim_id');
  if (status === 202) return { outcome: 'unfinished', retryAfterMs: retryAfterMs(headers) };
  if (document.status !== 'released' || document.ended_at === undefined)
    throw faultOf(answer, 'not_flashclaim', 'The answer has no released claim.');
  return { outcome: 'released', claim: { ...toClaim(answer, document), ended_at: document.ended_at } };
};
