import { type Attempt, attemptsOf } from './attempts.ts';
import { type Life, livesOf, UnitFlow } from './lives.ts';
import type {
  ClaimCall,
  CreateCall,
  HistoryRecord,
  ListCall,
  Mark,
  ReadCall,
  ReleaseCall,
  SettingsCall,
  StatusCall,
} from './record.ts';
import { CouponSettings } from './settings.ts';
import type { ExistingClaim, ExistingCoupon, State } from './state.ts';

/** The calls of a history, by kind. */
interface Calls {
  claims: ClaimCall[];
  statuses: StatusCall[];
  reads: ReadCall[];
  creates: CreateCall[];
  releases: ReleaseCall[];
  changes: SettingsCall[];
  lists: ListCall[];
  marks: Mark[];
}

/** Everything about one coupon. */
export interface CouponEvidence {
  name: string;
  /** From the database; missing if there is no such coupon. */
  stock?: ExistingCoupon | undefined;
  claims: ExistingClaim[];
  /** Of its claims, by sequence number. */
  lives: readonly Life[];
  flow: UnitFlow;
  settings: CouponSettings;
  attempts: Attempt[];
  users: Map<string, UserEvidence>;
  reads: ReadCall[];
  creates: CreateCall[];
  changes: SettingsCall[];
}

/** Everything about one user and one coupon. */
export interface UserEvidence {
  name: string;
  claims: ExistingClaim[];
  attempts: Attempt[];
}

export interface Evidence extends Calls {
  coupons: Map<string, CouponEvidence>;
  /** Every existing claim, by its id. */
  existing: ReadonlyMap<string, ExistingClaim>;
  /** Of every existing claim, by its id. */
  lives: ReadonlyMap<string, Life>;
  attempts: Attempt[];
}

/** Sorts the calls of a history and the claims of the database by coupon and user. */
export const collectEvidence = (history: Iterable<HistoryRecord>, state: State): Evidence => {
  const calls = sortCalls(history);
  const attempts = attemptsOf(calls.claims, calls.statuses);
  const coupons = new Map<string, CouponEvidence>();
  for (const attempt of attempts) {
    const coupon = couponOf(coupons, state, attempt.call.coupon);
    coupon.attempts.push(attempt);
    userOf(coupon, attempt.call.user).attempts.push(attempt);
  }
  for (const read of calls.reads) couponOf(coupons, state, read.coupon).reads.push(read);
  for (const create of calls.creates) couponOf(coupons, state, create.coupon).creates.push(create);
  for (const change of calls.changes) couponOf(coupons, state, change.coupon).changes.push(change);
  for (const claim of state.claims) {
    const coupon = couponOf(coupons, state, claim.coupon);
    coupon.claims.push(claim);
    userOf(coupon, claim.user).claims.push(claim);
  }
  const lives = new Map<string, Life>();
  for (const life of livesOf(coupons.values(), { attempts, ...calls })) lives.set(life.claim.id, life);
  for (const coupon of coupons.values()) {
    coupon.lives = coupon.claims
      .map(({ id }) => lives.get(id) as Life)
      .sort((a, b) => a.claim.sequence - b.claim.sequence);
    coupon.flow = new UnitFlow(coupon.lives);
    coupon.settings = new CouponSettings(coupon);
  }
  return {
    ...calls,
    coupons,
    attempts,
    lives,
    existing: new Map(state.claims.map((claim) => [claim.id, claim])),
  };
};

const sortCalls = (history: Iterable<HistoryRecord>): Calls => {
  const calls: Calls = {
    claims: [],
    statuses: [],
    reads: [],
    creates: [],
    releases: [],
    changes: [],
    lists: [],
    marks: [],
  };
  for (const record of history) {
    if (record.op === 'claim') calls.claims.push(record);
    else if (record.op === 'status') calls.statuses.push(record);
    else if (record.op === 'read') calls.reads.push(record);
    else if (record.op === 'create') calls.creates.push(record);
    else if (record.op === 'release') calls.releases.push(record);
    else if (record.op === 'settings') calls.changes.push(record);
    else if (record.op === 'list') calls.lists.push(record);
    else calls.marks.push(record);
  }
  return calls;
};

const NO_FLOW = new UnitFlow([]);
const NO_SETTINGS = new CouponSettings({ stock: undefined, reads: [], creates: [], changes: [] });

const couponOf = (coupons: Map<string, CouponEvidence>, state: State, name: string): CouponEvidence => {
  const found = coupons.get(name);
  if (found) return found;
  const coupon: CouponEvidence = {
    name,
    stock: state.coupons.get(name),
    claims: [],
    lives: [],
    flow: NO_FLOW,
    settings: NO_SETTINGS,
    attempts: [],
    users: new Map(),
    reads: [],
    creates: [],
    changes: [],
  };
  coupons.set(name, coupon);
  return coupon;
};

const userOf = ({ users }: CouponEvidence, name: string): UserEvidence => {
  const found = users.get(name);
  if (found) return found;
  const user = { name, claims: [], attempts: [] };
  users.set(name, user);
  return user;
};
