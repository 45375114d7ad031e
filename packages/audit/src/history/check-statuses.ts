import { type Attempt, type Evidence, earliest } from './evidence.ts';
import type { ClaimCall, StatusCall } from './record.ts';
import type { ExistingClaim } from './state.ts';
import type { Invariant, Violation } from './violation.ts';

/** How long after its decision a claim can be read at least. */
const READABLE_MS = 60 * 60 * 1_000;

/** What these say stays true where no unit is ever given back: no later request of the same user gets one either. */
const LASTING: ReadonlySet<string> = new Set(['already_claimed', 'out_of_stock']);

/** What was said of a claim between two moments: by its status, by the answer to its request, or by the database in the end. */
interface Said {
  /** `pending`, `claimed`, `not_found` (404) or what it was refused for. */
  code: string;
  user?: string | undefined;
  coupon?: string | undefined;
  invokedAt: number;
  answeredAt: number;
  call?: ClaimCall | StatusCall;
}

/**
 * A status that was returned as final stays so, and each one is judged, not only the last: I5 where a refusal and a grant of
 * one claim meet, I7 where another status changes, I4 where a claim changes hands. Only a later request of the same user
 * under the same key may change a refusal. Nothing is said of a claim without a status.
 */
export function* checkStatuses({ attempts, statuses, existing }: Evidence): Generator<Violation> {
  const requestsOf = Map.groupBy(attempts, ({ claimId }) => claimId);
  // Where no answer to a request names the id, it may be the id of any request that was not answered with one.
  const unnamed = requestsOf.get(undefined) ?? [];
  for (const [claimId, asked] of Map.groupBy(statuses, ({ claimId }) => claimId)) {
    const requests = requestsOf.get(claimId) ?? unnamed;
    const calls = new Set(requests.map(({ call }) => call).filter((call) => call.claimId === claimId));
    const said = [...calls, ...asked].flatMap(toSaid);
    const claim = existing.get(claimId);
    if (claim) said.push(inTheEnd(claim));
    yield* checkClaim(claimId, said, requests);
  }
}

/** Of each invariant the first that breaks it: who asks a thousand times is not shown a thousand times. */
function* checkClaim(claimId: string, said: Said[], requests: readonly Attempt[]): Generator<Violation> {
  const found = new Map<Invariant, Violation>();
  said.sort((a, b) => a.answeredAt - b.answeredAt);
  for (const [index, after] of said.entries()) {
    // A 202 does not say where the claim stands, only that its own request is not known to be decided.
    if (after.call?.op === 'claim') continue;
    for (const before of said.slice(0, index)) {
      const invariant = invariantOf(before, after);
      if (found.has(invariant) || isPossible(before, after, requests)) continue;
      const shown = [before.call, after.call, ...requests.map(({ call }) => call)];
      found.set(invariant, {
        invariant,
        found: `the claim ${claimId} was ${describe(before)}, and then ${describe(after)}; ${expected(before, after)}`,
        requests: [...new Set(shown)].filter((call) => call !== undefined),
      });
    }
  }
  yield* found.values();
}

const toSaid = (call: ClaimCall | StatusCall): Said[] => {
  const { status, invokedAt, answeredAt, user, coupon } = call;
  if (answeredAt === undefined) return [];
  const said = { user, coupon, invokedAt, answeredAt, call };
  if (call.op === 'claim') {
    if (status === 200) return [{ ...said, code: 'claimed' }];
    return status === 202 ? [{ ...said, code: 'pending' }] : [];
  }
  if (status === 404) return [{ ...said, code: 'not_found' }];
  return status === 200 && call.code !== undefined ? [{ ...said, code: call.code }] : [];
};

const inTheEnd = ({ user, coupon }: ExistingClaim): Said => ({
  ...{ code: 'claimed', user, coupon },
  ...{ invokedAt: Number.POSITIVE_INFINITY, answeredAt: Number.POSITIVE_INFINITY },
});

const describe = ({ code, call }: Said): string => {
  if (code === 'not_found') return 'unknown (404)';
  if (!call) return 'live in the end';
  return code === 'pending' || code === 'claimed' ? code : `refused (${code})`;
};

const expected = (before: Said, after: Said): string => {
  if (after.code === 'not_found') return 'a status for an hour expected';
  return before.code === 'claimed' ? 'claimed for good expected' : 'a change by a later request of that user expected';
};

const invariantOf = (before: Said, after: Said): Invariant => {
  const claimed = [before, after].filter(({ code }) => code === 'claimed').length;
  if (after.code === 'pending' || after.code === 'not_found' || claimed === 0) return 'I7';
  return claimed === 1 ? 'I5' : 'I4';
};

/** Whether both can be true. Of two that were asked for at the same time, either may have been said first. */
const isPossible = (one: Said, other: Said, requests: readonly Attempt[]): boolean =>
  canBecome(one, other, requests) || (other.invokedAt <= one.answeredAt && canBecome(other, one, requests));

const canBecome = (before: Said, after: Said, requests: readonly Attempt[]): boolean => {
  if (before.code === 'not_found' || isSame(before, after)) return true;
  if (after.code === 'not_found') return isOver(before, after, requests);
  if (before.code === 'pending') return true;
  if (before.code === 'claimed') return false;
  // A key that two users share makes one claim id: what is said of one request says nothing of the other.
  if (!isOfSameUser(before, after, requests)) return true;
  if (after.code === 'claimed' && LASTING.has(before.code)) return false;
  return isMadeByLater(before, after, requests);
};

const isSame = (one: Said, other: Said): boolean =>
  one.code === other.code &&
  (one.user ?? other.user) === (other.user ?? one.user) &&
  (one.coupon ?? other.coupon) === (other.coupon ?? one.coupon);

/** Whether the hour can be over in which a refusal is kept. It began no sooner than with what shows it undecided. */
const isOver = (before: Said, after: Said, requests: readonly Attempt[]): boolean => {
  if (before.code === 'claimed') return false;
  const undecidedAt =
    before.code === 'pending' ? before.invokedAt : earliest(requests.map(({ call }) => call.invokedAt));
  return after.answeredAt - undecidedAt >= READABLE_MS;
};

const isOfSameUser = (one: Said, other: Said, requests: readonly Attempt[]): boolean => {
  const ofOne = claimantOf(one, requests);
  return ofOne !== undefined && ofOne === claimantOf(other, requests);
};

/** Where the status does not say whose the claim is, all of its requests may. */
const claimantOf = ({ user, coupon }: Said, requests: readonly Attempt[]): string | undefined => {
  if (user !== undefined && coupon !== undefined) return JSON.stringify([user, coupon]);
  const claimants = new Set(requests.map(({ call }) => JSON.stringify([call.user, call.coupon])));
  return claimants.size === 1 ? [...claimants][0] : undefined;
};

/** Whether one request under the key can have made what was said before, and another what was said after it. */
const isMadeByLater = (before: Said, after: Said, requests: readonly Attempt[]): boolean =>
  requests.some(
    (later) =>
      later.call.key !== undefined &&
      canMake(later, after) &&
      isUndecidedAt(later, before) &&
      requests.some(
        (first) => first.call !== later.call && first.call.key === later.call.key && canMake(first, before),
      ),
  );

/** Whether a request can have made what was said of its claim. Of one that was told `pending` nothing else is sure. */
const canMake = ({ call, known, code }: Attempt, said: Said): boolean => {
  if (call.invokedAt >= said.answeredAt) return false;
  if ((said.user ?? call.user) !== call.user || (said.coupon ?? call.coupon) !== call.coupon) return false;
  if (known === 'unknown' || call.status === 202) return true;
  if (known === 'rejected') return false;
  if (said.code === 'pending') return true;
  return known === 'claimed' ? said.code === 'claimed' && !call.replayed : code === said.code;
};

/**
 * Whether a request can have been decided after a status was read. One that was told `pending` before can't: a status is
 * final only when all of these are decided.
 */
const isUndecidedAt = ({ call }: Attempt, { invokedAt }: Said): boolean =>
  call.status === undefined || call.status >= 500 || (call.answeredAt ?? Number.POSITIVE_INFINITY) > invokedAt;
