import type { Evidence } from './evidence.ts';
import { type Life, mayRelease } from './lives.ts';
import type { ReleaseCall } from './record.ts';
import type { ExistingClaim } from './state.ts';
import type { Violation } from './violation.ts';

/** I4: a claim is released for ever, and only where a caller requested it. I5: no release of an existing claim is refused. */
export function* checkReleases({ releases, lives }: Evidence): Generator<Violation> {
  for (const call of releases) {
    const found = whyWrong(call, lives.get(call.claimId));
    if (found) yield { ...found, requests: [call] };
  }
  const requested = new Set(releases.filter(mayRelease).map(({ claimId }) => claimId));
  for (const { claim } of lives.values()) {
    const found = whyEndWrong(claim, requested.has(claim.id));
    if (found) yield { invariant: 'I4', found: `the claim ${claim.id} of ${claim.user} ${found}`, requests: [] };
  }
}

const whyEndWrong = ({ live, endedAt }: ExistingClaim, isRequested: boolean): string | undefined => {
  if (live) return endedAt === undefined ? undefined : 'is live and has ended; one of both expected';
  if (endedAt === undefined) return 'is not live and has no time of its end; one expected';
  return isRequested ? undefined : 'was released, and no caller requested that';
};

const whyWrong = (call: ReleaseCall, life: Life | undefined): Omit<Violation, 'requests'> | undefined => {
  const { claimId, status, code, invokedAt } = call;
  const what = `the release of the claim ${claimId} was answered ${status}`;
  if (status === 200 && !life) return { invariant: 'I4', found: `${what}, but there is no such claim` };
  if (status === 200 && life?.claim.live) return { invariant: 'I4', found: `${what}, but the claim is live` };
  if (!life || life.grantedBy >= invokedAt) return undefined;
  if (status === 404 || (status === 409 && code === 'claim_pending'))
    return { invariant: 'I5', found: `${what} ${code ?? ''}, but an earlier answer had this claim; 200 expected` };
  return undefined;
};
