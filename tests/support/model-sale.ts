import type { HistoryRecord, ListCall, ReadCall, SettingsCall, State, StatusCall } from '@flashclaim/audit';
import {
  type ClosedReason,
  closedReasonOf,
  type Decision,
  decideClaims,
  type ExistingClaim,
  isClosedReason,
  PROBLEMS,
} from '@flashclaim/core';

export const COUPONS = ['hot', 'cold'] as const;
type Coupon = (typeof COUPONS)[number];

/** What a caller learns: `dropped` requests never arrive. */
export type Fate = 'answered' | 'lost' | 'unavailable' | 'pending' | 'overloaded' | 'dropped';

interface Times {
  waits: number;
  takes: number;
}

/** One request of a made-up sale. The number of the request is the time at which it is sent. */
export type Planned = Times &
  (
    | { kind: 'claim'; user: number; coupon: Coupon; key: number | undefined; fate: Fate; asks: number[] }
    /** Of the claim of another request. */
    | { kind: 'release'; of: number; fate: Fate }
    | { kind: 'change'; coupon: Coupon; set: SettingsCall['set']; isVersioned: boolean; fate: Fate }
    | { kind: 'read'; coupon: Coupon }
    | { kind: 'list'; coupon: Coupon; only: ListCall['only'] }
  );

/** Bugs that the checker must find. */
export const BUGS = [
  'release twice',
  'stale window after PATCH',
  'sequence given twice',
  'refused after restock',
  'unit lost when a released user claims again',
  'released claim granted again by its own job',
  'PATCH below granted units',
  'cursor that skips',
] as const;
export type Bug = (typeof BUGS)[number];

interface Settings {
  at: number;
  amount: number;
  version: number;
  paused: boolean;
  startsAt: number | null;
  endsAt: number | null;
}

interface Sale {
  remaining: number;
  issued: number;
  /** In the order of time. */
  settings: Settings[];
}

type Granted = ExistingClaim & { endedAt?: number };
type Request<Kind> = Extract<Planned, { kind: Kind }> & { number: number; invokedAt: number; decidedAt: number };

const PAGE_CLAIMS = 2;

/** With some bugs: how old the settings are that a decision uses. */
const STALE_MS = 15;

/** A correct system, unless it has a bug: requests are decided one by one, each between its request and its answer. */
export class ModelSale {
  readonly history: HistoryRecord[] = [];
  readonly #bug: Bug | undefined;
  readonly #createdAt: number;
  readonly #requests: Request<Planned['kind']>[];
  readonly #sales = new Map<Coupon, Sale>();
  readonly #granted = new Map<string, Granted>();
  /** Requests that were answered `pending`. */
  readonly #accepted: {
    claimId: string;
    user: string;
    coupon: Coupon;
    code: string;
    reason?: string;
    request: Request<'claim'>;
    answeredAt: number;
  }[] = [];

  constructor({ amount, createdAt }: { amount: number; createdAt: number }, plan: readonly Planned[], bug?: Bug) {
    this.#bug = bug;
    this.#createdAt = createdAt;
    this.#requests = plan.map((planned, number) => ({
      ...planned,
      number,
      invokedAt: number,
      decidedAt: number + planned.waits + 0.1,
    })) as Request<Planned['kind']>[];
    for (const coupon of COUPONS) {
      const settings = { at: createdAt, amount, version: 1, paused: false, startsAt: null, endsAt: null };
      this.#sales.set(coupon, { remaining: amount, issued: 0, settings: [settings] });
      const times = { invokedAt: createdAt - 1, answeredAt: createdAt + 1 };
      this.history.push({ op: 'create', coupon, amount, ...times, status: 201 });
    }
    for (const request of this.#requests.toSorted((a, b) => a.decidedAt - b.decidedAt)) {
      if (request.kind === 'claim') this.#claim(request as Request<'claim'>);
      else if (request.kind === 'release') this.#release(request as Request<'release'>);
      else if (request.kind === 'change') this.#change(request as Request<'change'>);
    }
    for (const request of this.#requests) {
      if (request.kind === 'read') this.#read(request as Request<'read'>);
      else if (request.kind === 'list') this.#list(request as Request<'list'>);
    }
    this.#ask();
  }

  get state(): State {
    const final = (coupon: Coupon) => this.#settingsAt(coupon, Number.POSITIVE_INFINITY) as Settings;
    return {
      coupons: new Map(
        [...this.#sales].map(([name, { remaining, issued }]) => {
          const { amount, version, paused, startsAt, endsAt } = final(name);
          const window = { startsAt: startsAt ?? undefined, endsAt: endsAt ?? undefined };
          return [name, { amount, version, remaining, issued, paused, ...window }];
        }),
      ),
      claims: [...this.#granted.values()].map(({ id, userId, couponName, sequence, claimedAt, endedAt }) => ({
        ...{ id, user: userId, coupon: couponName, sequence, claimedAt, endedAt },
        live: endedAt === undefined,
      })),
    };
  }

  #claim(request: Request<'claim'>): void {
    const { user, coupon, key, fate, invokedAt, decidedAt } = request;
    const [userId, claimId] = [`user-${user}`, claimIdOf(request)];
    // The answer `pending` may come before or after the decision.
    const answeredAt = fate === 'pending' ? invokedAt + request.takes + 0.2 : decidedAt + request.takes + 0.1;
    const call = {
      op: 'claim' as const,
      user: userId,
      coupon,
      invokedAt,
      answeredAt,
      ...(key !== undefined && { key: `${key}` }),
    };
    if (fate === 'overloaded') this.history.push({ ...call, status: 503, code: 'overloaded' });
    if (fate === 'dropped') this.history.push({ ...call, error: 'connection refused' });
    if (fate === 'overloaded' || fate === 'dropped') return;
    const decision = this.#decide(request, claimId, userId);
    const unit = this.#granted.get(claimId);
    const shown = unit && { sequence: unit.sequence, claimedAt: unit.claimedAt };
    const answer = answerTo(decision);
    if (fate === 'lost') this.history.push({ ...call, error: 'socket hang up' });
    else if (fate === 'unavailable') this.history.push({ ...call, status: 503, code: 'unavailable' });
    else if (fate === 'pending') {
      this.history.push({ ...call, status: 202, code: 'pending', claimId });
      this.#accepted.push({ claimId, user: userId, coupon, ...answer, request, answeredAt });
    } else if (answer.status === 200) this.history.push({ ...call, ...answer, ...shown, claimId });
    else this.history.push({ ...call, ...answer });
  }

  #decide({ coupon, key, number, decidedAt }: Request<'claim'>, id: string, userId: string): Decision {
    const sale = this.#sales.get(coupon) as Sale;
    const settings = this.#settingsAt(
      coupon,
      this.#bug === 'stale window after PATCH' ? decidedAt - STALE_MS : decidedAt,
    );
    const isStale =
      this.#bug === 'refused after restock' && this.#settingsAt(coupon, decidedAt - STALE_MS)?.amount === 1;
    const wanted = { id, userId, couponName: coupon, requestId: key === undefined ? undefined : `request-${number}` };
    const closed = settings && closedAt(settings, decidedAt);
    const live = [...this.#granted.values()].filter(
      (claim) => claim.endedAt === undefined && claim.couponName === coupon,
    );
    const isEnded = this.#granted.get(id)?.endedAt !== undefined;
    const existing = new Map(this.#granted);
    if (this.#bug === 'released claim granted again by its own job' && isEnded) existing.delete(id);
    const snapshot = {
      remaining: new Map(decidedAt < this.#createdAt ? [] : [[coupon, isStale ? 0 : sale.remaining]]),
      closed: new Map(closed ? [[coupon, closed]] : []),
      existing,
      holders: new Map([[coupon, new Set(live.map((claim) => claim.userId))]]),
    };
    const [decision = 'claimed'] = decideClaims(snapshot, [wanted]);
    if (decision === 'claimed' && !existing.has(id)) {
      const isAgain = [...this.#granted.values()].some(
        (claim) => claim.userId === userId && claim.couponName === coupon,
      );
      sale.remaining -= this.#bug === 'unit lost when a released user claims again' && isAgain ? 2 : 1;
      if (this.#bug !== 'sequence given twice' || number % 2 === 0) sale.issued++;
      this.#granted.set(id, { ...wanted, sequence: sale.issued, claimedAt: decidedAt });
    }
    return decision;
  }

  #release({ of, fate, invokedAt, decidedAt, takes }: Request<'release'>): void {
    const target = this.#requests[of % this.#requests.length];
    if (target?.kind !== 'claim') return;
    const claimId = claimIdOf(target as Request<'claim'>);
    const call = { op: 'release' as const, claimId, invokedAt, answeredAt: decidedAt + takes + 0.1 };
    if (fate === 'overloaded') this.history.push({ ...call, status: 503, code: 'overloaded' });
    if (fate === 'dropped') this.history.push({ ...call, error: 'connection refused' });
    if (fate === 'overloaded' || fate === 'dropped') return;
    const claim = this.#granted.get(claimId);
    if (claim && claim.endedAt === undefined) {
      claim.endedAt = decidedAt;
      (this.#sales.get(claim.couponName as Coupon) as Sale).remaining++;
    } else if (claim && this.#bug === 'release twice')
      (this.#sales.get(claim.couponName as Coupon) as Sale).remaining++;
    if (fate === 'lost') this.history.push({ ...call, error: 'socket hang up' });
    else if (fate === 'unavailable') this.history.push({ ...call, status: 503, code: 'unavailable', done: 'unknown' });
    else if (claim && fate === 'pending') this.history.push({ ...call, status: 202 });
    else if (claim) {
      const { userId: user, couponName: coupon, sequence, claimedAt, endedAt } = claim;
      this.history.push({
        ...call,
        status: 200,
        code: 'released',
        user,
        coupon,
        sequence,
        claimedAt,
        ...(endedAt !== undefined && { endedAt }),
      });
    } else {
      const isPending = (target as Request<'claim'>).fate === 'pending' && target.invokedAt <= decidedAt;
      this.history.push({
        ...call,
        ...(isPending ? { status: 409, code: 'claim_pending' } : { status: 404, code: 'not_found' }),
      });
    }
  }

  #change({ coupon, set: wanted, isVersioned, fate, invokedAt, decidedAt, takes }: Request<'change'>): void {
    const seen = this.#settingsAt(coupon, invokedAt)?.version ?? 1;
    const set = { ...wanted, ...(isVersioned && { version: seen }) };
    const call = { op: 'settings' as const, coupon, set, invokedAt, answeredAt: decidedAt + takes + 0.1 };
    if (fate === 'overloaded') this.history.push({ ...call, status: 503, code: 'overloaded' });
    if (fate === 'dropped') this.history.push({ ...call, error: 'connection refused' });
    if (fate === 'overloaded' || fate === 'dropped') return;
    const answer = this.#changeTo(coupon, set, decidedAt);
    if (fate === 'lost') this.history.push({ ...call, error: 'socket hang up' });
    else if (fate === 'unavailable') this.history.push({ ...call, status: 503, code: 'unavailable', done: 'unknown' });
    else this.history.push({ ...call, ...answer });
  }

  #changeTo(coupon: Coupon, { version, ...set }: SettingsCall['set'], at: number): Partial<SettingsCall> {
    const sale = this.#sales.get(coupon) as Sale;
    const before = this.#settingsAt(coupon, at);
    if (!before) return { status: 404, code: 'coupon_not_found' };
    if (version !== undefined && version !== before.version) return { status: 409, code: 'version_conflict' };
    const after = { ...before, ...set, at };
    const live = before.amount - sale.remaining;
    if (after.amount < live) {
      if (this.#bug !== 'PATCH below granted units') return { status: 409, code: 'amount_below_claimed' };
      sale.remaining += live - after.amount;
    }
    sale.remaining += after.amount - before.amount;
    if (JSON.stringify(after) !== JSON.stringify({ ...before, at })) after.version++;
    sale.settings.push(after);
    return { status: 200, version: after.version };
  }

  #read({ coupon, invokedAt, decidedAt, takes }: Request<'read'>): void {
    const call: ReadCall = { op: 'read', coupon, invokedAt, answeredAt: decidedAt + takes + 0.1 };
    const settings = this.#settingsAt(coupon, decidedAt);
    if (!settings) return void this.history.push({ ...call, status: 404, code: 'coupon_not_found' });
    const claimed = this.#claimsAt(coupon, decidedAt, 'claimed').length;
    const { amount, version } = settings;
    this.history.push({ ...call, status: 200, amount, remaining: amount - claimed, claimed, listed: claimed, version });
  }

  /** Reads a page of the list each ms. */
  #list({ coupon, only, invokedAt, decidedAt }: Request<'list'>): void {
    const pages: string[][] = [];
    let [cursor, at] = [0, decidedAt];
    for (;;) {
      const page = this.#claimsAt(coupon, at, only)
        .filter(({ sequence }) => sequence > cursor)
        .slice(0, PAGE_CLAIMS);
      pages.push(page.map(({ id }) => id));
      if (page.length < PAGE_CLAIMS) break;
      cursor = (page.at(-1) as Granted).sequence + (this.#bug === 'cursor that skips' ? 1 : 0);
      at++;
    }
    this.history.push({
      op: 'list',
      of: 'claims',
      coupon,
      ...(only && { only }),
      invokedAt,
      answeredAt: at + 0.1,
      status: 200,
      pages,
    });
  }

  /**
   * As the API does, it finds the status by the claim id alone: first what is granted, then whether a request that was answered
   * `pending` is undecided, else the result of the last one. It reads at once, and answers later.
   */
  #ask(): void {
    for (const { claimId, answeredAt, request } of this.#accepted)
      for (const at of [...request.asks.map((after) => answeredAt + after), 900]) {
        const own = this.#accepted.filter((one) => one.claimId === claimId && one.answeredAt <= at);
        const last = own.toSorted((a, b) => b.request.decidedAt - a.request.decidedAt)[0] as (typeof own)[number];
        const isPending = own.some((one) => one.request.decidedAt > at);
        const call: StatusCall = {
          op: 'status',
          claimId,
          invokedAt: at,
          answeredAt: at + 2,
          status: 200,
          user: last.user,
        };
        const claim = this.#granted.get(claimId);
        if (claim && claim.claimedAt <= at) {
          const { couponName, sequence, claimedAt, endedAt } = claim;
          const isEnded = endedAt !== undefined && endedAt <= at;
          const unit = { coupon: couponName, sequence, claimedAt, ...(isEnded && { endedAt }) };
          this.history.push({ ...call, ...unit, code: isEnded ? 'released' : 'claimed' });
        } else {
          const { coupon, code, reason } = last;
          this.history.push({
            ...call,
            coupon,
            ...(isPending ? { code: 'pending' } : { code, ...(reason && { reason }) }),
          });
        }
      }
  }

  #claimsAt(coupon: Coupon, at: number, only: ListCall['only']): Granted[] {
    const isEnded = ({ endedAt = Number.POSITIVE_INFINITY }: Granted) => endedAt <= at;
    return [...this.#granted.values()]
      .filter((claim) => claim.couponName === coupon && claim.claimedAt <= at)
      .filter((claim) => only === undefined || isEnded(claim) === (only === 'released'))
      .sort((a, b) => a.sequence - b.sequence);
  }

  #settingsAt(coupon: Coupon, time: number): Settings | undefined {
    return this.#sales.get(coupon)?.settings.findLast(({ at }) => at <= time);
  }
}

const claimIdOf = ({ user, key, number }: Request<'claim'>): string =>
  key === undefined ? `id-${number}` : `id-of-${user}-key-${key}`;

const closedAt = ({ paused, startsAt, endsAt }: Settings, now: number): ClosedReason | undefined =>
  closedReasonOf(
    {
      ...(paused && { paused }),
      ...(startsAt !== null && { starts_at: new Date(startsAt) }),
      ...(endsAt !== null && { ends_at: new Date(endsAt) }),
    },
    // Dates have whole milliseconds.
    new Date(Math.floor(now)),
  );

const answerTo = (decision: Decision): { status: number; code: string; reason?: string; replayed?: true } => {
  if (decision === 'claimed') return { status: 200, code: 'claimed' };
  if (decision === 'replayed') return { status: 200, code: 'claimed', replayed: true };
  if (isClosedReason(decision)) return { status: 403, code: 'sale_not_open', reason: decision };
  const code = decision as keyof typeof PROBLEMS;
  return { status: PROBLEMS[code].status, code };
};
