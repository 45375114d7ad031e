/** Short ways to write the records of a history. */
import {
  type CheckOptions,
  type ClaimCall,
  type CreateCall,
  checkHistory,
  type ExistingClaim,
  type ExistingCoupon,
  type HistoryRecord,
  type ListCall,
  type Mark,
  type ReadCall,
  type ReleaseCall,
  type SettingsCall,
  type State,
  type StatusCall,
} from '@flashclaim/audit';

/** A claim of user `a` on the coupon "hot" is `claim('a', …)`; it was answered 200 with the claim id `id-a`. */
export const claim = (user: string, at: number, answer: Partial<ClaimCall> = {}): ClaimCall => ({
  ...{ op: 'claim', user, coupon: 'hot', invokedAt: at, answeredAt: at + 5, status: 200 },
  ...(answer.status === undefined && !answer.error && { claimId: `id-${user}` }),
  ...answer,
});
export const refused = (user: string, at: number, code: string, status = code === 'already_claimed' ? 409 : 400) =>
  claim(user, at, { status, code });
export const lost = (user: string, at: number, answer: Partial<ClaimCall> = {}): ClaimCall => {
  const { status: _, ...rest } = claim(user, at, { error: 'socket hang up', ...answer });
  return rest;
};
export const pending = (user: string, at: number) =>
  claim(user, at, { status: 202, code: 'pending', claimId: `id-${user}` });
export const status = (user: string, at: number, code: string): StatusCall => ({
  ...{ op: 'status', claimId: `id-${user}`, invokedAt: at, answeredAt: at + 5, status: 200, code },
});
/** Of user `a` under the key `k`, whose claim id is `id-a`. */
export const keyed = (at: number, answer: Partial<ClaimCall>) => claim('a', at, { key: 'k', ...answer });
export const pendingKeyed = (at: number) => keyed(at, { status: 202, code: 'pending', claimId: 'id-a' });
export const lostKeyed = (at: number) => lost('a', at, { key: 'k' });
/** A status that says whose claim it is. */
export const statusOfA = (at: number, code: string): StatusCall => ({
  ...status('a', at, code),
  user: 'a',
  coupon: 'hot',
});
export const statusNotFound = (user: string, at: number): StatusCall => ({
  ...status(user, at, 'not_found'),
  status: 404,
});
export const HOUR = 3_600_000;
export const create = (at: number): CreateCall => ({
  ...{ op: 'create', coupon: 'hot', amount: 2, invokedAt: at, answeredAt: at + 5, status: 201 },
});
export const read = (at: number, remaining: number, claimed: number, more: Partial<ReadCall> = {}): ReadCall => ({
  ...{ op: 'read', coupon: 'hot', invokedAt: at, answeredAt: at + 5, status: 200, amount: 2, remaining, claimed },
  ...{ listed: claimed, ...more },
});
export const mark = (op: Mark['op'], at: number): Mark => ({ op, invokedAt: at, what: 'MongoDB' });
export const unanswered = (call: ClaimCall): ClaimCall => {
  const { answeredAt: _, status: __, claimId: ___, ...rest } = call;
  return rest;
};

/** A claim in the database, without its number. */
type Claim = Omit<ExistingClaim, 'sequence'> & { sequence?: number };
export const held = (user: string, more: Partial<Claim> = {}): Claim => ({
  ...{ id: `id-${user}`, user, coupon: 'hot', live: true, claimedAt: 0 },
  ...more,
});
export const ended = (user: string, more: Partial<Claim> = {}): Claim =>
  held(user, { live: false, endedAt: 0, ...more });

/** The coupon "hot" of two units and these claims, which have the numbers 1, 2, 3 … by default. */
export const stateOf = (coupon: Partial<ExistingCoupon>, claims: readonly Claim[]): State => {
  const live = claims.filter((claim) => claim.live).length;
  const amount = coupon.amount ?? 2;
  return {
    coupons: new Map([['hot', { amount, remaining: amount - live, issued: claims.length, version: 1, ...coupon }]]),
    claims: claims.map((claim, index) => ({ sequence: index + 1, ...claim })),
  };
};

/** The coupon "hot" of two units, held by these users. */
export const heldBy = (users: readonly string[], remaining = 2 - users.length): State =>
  stateOf(
    { remaining },
    users.map((user) => held(user)),
  );

export const release = (user: string, at: number, answer: Partial<ReleaseCall> = {}): ReleaseCall => ({
  ...{ op: 'release', claimId: `id-${user}`, invokedAt: at, answeredAt: at + 5, status: 200 },
  ...answer,
});
export const change = (at: number, set: SettingsCall['set'], answer: Partial<SettingsCall> = {}): SettingsCall => ({
  ...{ op: 'settings', coupon: 'hot', invokedAt: at, answeredAt: at + 5, status: 200, set },
  ...answer,
});
export const list = (at: number, pages: string[][], more: Partial<ListCall> = {}): ListCall => ({
  ...{ op: 'list', of: 'claims', coupon: 'hot', invokedAt: at, answeredAt: at + 5, status: 200, pages },
  ...more,
});
/** A call whose answer was lost. */
export const unknown = <Call extends ReleaseCall | SettingsCall>({ status: _, ...call }: Call) => ({
  ...call,
  error: 'socket hang up',
});

/** What does not hold, each once. */
export const brokenBy = (history: Iterable<HistoryRecord>, state: State, options: CheckOptions = {}): string =>
  [...new Set(checkHistory(history, state, options).map(({ invariant }) => invariant))].sort().join(' ');
