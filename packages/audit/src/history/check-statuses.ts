import { type Attempt, isGranted } from './attempts.ts';
import type { Evidence } from './evidence.ts';
import { mayRelease } from './lives.ts';
import type { ClaimCall, ReleaseCall, StatusCall } from './record.ts';
import { mayChange } from './settings.ts';
import { earliest } from './sorted-times.ts';
import type { ExistingClaim } from './state.ts';
import type { Invariant, Violation } from './violation.ts';

/** A status is readable for at least this time after its decision. */
const READABLE_MS = 60 * 60 * 1_000;

/** The state of a claim as its status, the answer to its request, or the final database showed it between two moments. */
interface Observation {
  /** `pending`, `claimed`, `released`, `not_found` (404) or the reason of the refusal. */
  code: string;
  user?: string | undefined;
  coupon?: string | undefined;
  invokedAt: number;
  answeredAt: number;
  call?: ClaimCall | StatusCall | ReleaseCall;
}

/**
 * A final status must not change. Every status is judged, not only the last: I5 if a claim was both refused and granted, I7 if
 * another status changed, I4 if the claim changed its user or coupon, or was released without a request. Only a later request of
 * the same user with the same key may change a refusal. Claims without a status are not judged here.
 */
export function* checkStatuses(evidence: Evidence): Generator<Violation> {
  const { attempts, statuses, releases, existing } = evidence;
  const requestsOf = Map.groupBy(attempts, ({ claimId }) => claimId);
  const releasesOf = Map.groupBy(releases, ({ claimId }) => claimId);
  // An id that no answer names may belong to any request whose answer has no id.
  const unnamed = requestsOf.get(undefined) ?? [];
  for (const [claimId, asked] of Map.groupBy(statuses, ({ claimId }) => claimId)) {
    const requests = requestsOf.get(claimId) ?? unnamed;
    const released = releasesOf.get(claimId) ?? [];
    const calls = new Set(requests.map(({ call }) => call).filter((call) => call.claimId === claimId));
    const observations = [...calls, ...asked, ...released].flatMap(toObservations);
    const claim = existing.get(claimId);
    if (claim) observations.push(finalObservation(claim));
    const releasedFrom = earliest(released.filter(mayRelease).map(({ invokedAt }) => invokedAt));
    yield* checkClaim(claimId, observations, { requests, releasedFrom, evidence });
  }
}

/** What can change the state of a claim. */
interface Causes {
  requests: readonly Attempt[];
  /** When the first release of the claim was sent. */
  releasedFrom: number;
  evidence: Evidence;
}

/** Yields only the first violation of each invariant. */
function* checkClaim(claimId: string, observations: Observation[], causes: Causes): Generator<Violation> {
  const found = new Map<Invariant, Violation>();
  observations.sort((a, b) => a.answeredAt - b.answeredAt);
  for (const [index, after] of observations.entries()) {
    // A 202 is not a status of the claim: it says only that its own request has no known decision.
    if (after.call?.op === 'claim') continue;
    for (const before of observations.slice(0, index)) {
      const invariant = invariantOf(before, after);
      if (found.has(invariant) || isPossible(before, after, causes)) continue;
      const shown = [before.call, after.call, ...causes.requests.map(({ call }) => call)];
      found.set(invariant, {
        invariant,
        found: `the claim ${claimId} was ${describe(before)}, and then ${describe(after)}; ${expected(before, after)}`,
        requests: [...new Set(shown)].filter((call) => call !== undefined),
      });
    }
  }
  yield* found.values();
}

const toObservations = (call: ClaimCall | StatusCall | ReleaseCall): Observation[] => {
  const { status, invokedAt, answeredAt, user, coupon } = call;
  if (answeredAt === undefined) return [];
  const observation = { user, coupon, invokedAt, answeredAt, call };
  if (call.op === 'release') return status === 200 ? [{ ...observation, code: 'released' }] : [];
  if (call.op === 'claim') {
    if (status === 200) return [{ ...observation, code: 'claimed' }];
    return status === 202 ? [{ ...observation, code: 'pending' }] : [];
  }
  if (status === 404) return [{ ...observation, code: 'not_found' }];
  return status === 200 && call.code !== undefined ? [{ ...observation, code: call.code }] : [];
};

const finalObservation = ({ user, coupon, live }: ExistingClaim): Observation => ({
  code: live ? 'claimed' : 'released',
  user,
  coupon,
  invokedAt: Number.POSITIVE_INFINITY,
  answeredAt: Number.POSITIVE_INFINITY,
});

const describe = ({ code, call }: Observation): string => {
  if (code === 'not_found') return 'unknown (404)';
  if (!call) return `${code === 'claimed' ? '' : 'released '}in the database at the end`;
  return code === 'pending' || isGranted(code) ? code : `refused (${code})`;
};

const expected = (before: Observation, after: Observation): string => {
  if (after.code === 'not_found') return 'a status for at least an hour expected';
  return isGranted(before.code) ? 'no change expected' : 'no change without a later request of that user expected';
};

const invariantOf = (before: Observation, after: Observation): Invariant => {
  const granted = [before, after].filter(({ code }) => isGranted(code)).length;
  if (after.code === 'pending' || after.code === 'not_found' || granted === 0) return 'I7';
  return granted === 1 ? 'I5' : 'I4';
};

/** Whether both can be true. If their requests overlap, either one may have come first. */
const isPossible = (one: Observation, other: Observation, causes: Causes): boolean =>
  canBecome(one, other, causes) || (other.invokedAt <= one.answeredAt && canBecome(other, one, causes));

const canBecome = (before: Observation, after: Observation, causes: Causes): boolean => {
  const { requests, releasedFrom } = causes;
  if (before.code === 'not_found' || isSame(before, after)) return true;
  if (after.code === 'not_found') return isOver(before, after, requests);
  if (before.code === 'pending') return true;
  if (before.code === 'claimed')
    return isSame({ ...before, code: 'released' }, after) && releasedFrom <= after.answeredAt;
  if (before.code === 'released') return false;
  // A key that is sent for two coupons makes one claim id: an observation about one coupon says nothing about the other.
  if (!isOfSameUser(before, after, requests)) return true;
  if (isGranted(after.code) && lastsUntil(before, causes) > after.answeredAt) return false;
  return isMadeByLater(before, after, requests);
};

/** Until when no later request of the same user can get a unit: until one is returned or added. */
const lastsUntil = ({ code, user, coupon }: Observation, { requests, evidence }: Causes): number => {
  const [request] = requests;
  const found = evidence.coupons.get(coupon ?? request?.call.coupon ?? '');
  if (!found || (code !== 'out_of_stock' && code !== 'already_claimed')) return Number.NEGATIVE_INFINITY;
  const holder = user ?? request?.call.user;
  const lives = code === 'out_of_stock' ? found.lives : found.lives.filter(({ claim }) => claim.user === holder);
  const added = found.changes.filter((change) => change.set.amount !== undefined && mayChange(change));
  return earliest([
    ...lives.map(({ releasedFrom }) => releasedFrom),
    ...(code === 'out_of_stock' ? added.map(({ invokedAt }) => invokedAt) : []),
  ]);
};

const isSame = (one: Observation, other: Observation): boolean =>
  one.code === other.code &&
  (one.user ?? other.user) === (other.user ?? one.user) &&
  (one.coupon ?? other.coupon) === (other.coupon ?? one.coupon);

/** Whether the hour in which a refusal is readable can be over. It began after the last moment at which the claim was undecided. */
const isOver = (before: Observation, after: Observation, requests: readonly Attempt[]): boolean => {
  if (isGranted(before.code)) return false;
  const undecidedAt =
    before.code === 'pending' ? before.invokedAt : earliest(requests.map(({ call }) => call.invokedAt));
  return after.answeredAt - undecidedAt >= READABLE_MS;
};

const isOfSameUser = (one: Observation, other: Observation, requests: readonly Attempt[]): boolean => {
  const ofOne = claimantOf(one, requests);
  return ofOne !== undefined && ofOne === claimantOf(other, requests);
};

/** The user and coupon of an observation; taken from the requests if they all agree and the status has none. */
const claimantOf = ({ user, coupon }: Observation, requests: readonly Attempt[]): string | undefined => {
  if (user !== undefined && coupon !== undefined) return JSON.stringify([user, coupon]);
  const claimants = new Set(requests.map(({ call }) => JSON.stringify([call.user, call.coupon])));
  return claimants.size === 1 ? [...claimants][0] : undefined;
};

/** Whether one request with the key can have caused the first observation, and another one the second. */
const isMadeByLater = (before: Observation, after: Observation, requests: readonly Attempt[]): boolean =>
  requests.some(
    (later) =>
      later.call.key !== undefined &&
      canMake(later, after) &&
      isUndecidedAt(later, before) &&
      requests.some(
        (first) => first.call !== later.call && first.call.key === later.call.key && canMake(first, before),
      ),
  );

/** Whether a request can have caused an observation of its claim. A request that was answered 202 can have caused any. */
const canMake = ({ call, known, code }: Attempt, observation: Observation): boolean => {
  if (call.invokedAt >= observation.answeredAt) return false;
  if ((observation.user ?? call.user) !== call.user || (observation.coupon ?? call.coupon) !== call.coupon)
    return false;
  if (known === 'unknown' || call.status === 202) return true;
  if (known === 'rejected') return false;
  if (observation.code === 'pending') return true;
  return known === 'claimed' ? isGranted(observation.code) && !call.replayed : code === observation.code;
};

/**
 * Whether a request can have been decided after a status was read. A request that was answered `pending` before can't: a
 * status is final only after all such requests are decided.
 */
const isUndecidedAt = ({ call }: Attempt, { invokedAt }: Observation): boolean =>
  call.status === undefined || call.status >= 500 || (call.answeredAt ?? Number.POSITIVE_INFINITY) >= invokedAt;
