import type {
  ClaimCall,
  HistoryRecord,
  ListCall,
  ReadCall,
  ReleaseCall,
  SettingsCall,
  StatusCall,
} from '@flashclaim/audit';
import type { ClaimStatus } from '@flashclaim/core';
import { START_MS } from './clock.ts';
import type { ApiProcess } from './model-api.ts';
import type { PlannedChange, PlannedList, PlannedRead, PlannedRelease } from './plan.ts';
import type { World } from './world.ts';

/** One claim operation: who claims what, when, and how often it is retried. */
export interface Operation {
  user: string;
  coupon: string;
  key: string | undefined;
  waitMs: number | undefined;
  atMs: number;
  attemptsMax: number;
  /** Requests with the same key at about the same time: a second request, one for another coupon, or one of another user. */
  duplicates: { user: string; coupon: string; afterMs: number }[];
}

/** Pause between two polls of a claim that has no final status yet. */
const POLL_EVERY_MS = 1_000;

/** Polls of each claim at the end, before the time in which jobs expire. */
const FINAL_POLLS = 5;

/** Frequent polls of each claim, and the time in which they happen. */
const FREQUENT_POLLS_MAX = 8;
const FREQUENT_POLLS_MS = 3_000;

/** A status is readable for at least this time after its decision. */
const READABLE_MS = 3_600_000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const isFinal = ({ error, code }: StatusCall): boolean => error === undefined && code !== 'pending';

/** What an answer says about the unit of a claim. */
const unitOf = ({ sequence, claimed_at, ended_at }: Partial<ClaimStatus>) => ({
  ...(sequence !== undefined && { sequence }),
  ...(claimed_at !== undefined && { claimedAt: Date.parse(claimed_at) }),
  ...(ended_at !== undefined && { endedAt: Date.parse(ended_at) }),
});

const toText = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

/** All callers, and the history of their calls. */
export class Callers {
  readonly history: HistoryRecord[] = [];
  readonly #world: World;
  /** The running API processes. */
  readonly #apis: () => readonly ApiProcess[];
  #running = 0;
  #requests = 0;
  #readsOwnClaims = false;

  constructor(world: World, apis: () => readonly ApiProcess[]) {
    this.#world = world;
    this.#apis = apis;
  }

  get done(): boolean {
    return this.#running === 0;
  }

  start(operation: Operation): void {
    const { duplicates, ...own } = operation;
    this.#call(own);
    for (const { afterMs, ...names } of duplicates) this.#call({ ...own, ...names, atMs: own.atMs + afterMs });
  }

  /** Releases a claim of which some answer named the id. */
  startRelease({ atMs, callers, claimsAgain, ...release }: PlannedRelease): void {
    this.#track(
      sleep(atMs).then(() => {
        const granted = this.history.filter((call) => call.op === 'claim' && (call.claimId ?? '') !== '');
        if (granted.length === 0) return;
        const claim = this.#world.random.pick(granted) as ClaimCall;
        for (let i = 0; i < callers; i++)
          this.#track(this.#releaseUntilAnswered(claim, { ...release, claimsAgain: i === 0 ? claimsAgain : 'no' }));
      }),
    );
  }

  startChange({ atMs, ...change }: PlannedChange): void {
    this.#track(sleep(atMs).then(() => this.#changeUntilAnswered(change)));
  }

  /** Polls the status of every claim with a known id several times within a few seconds. */
  pollOften(): void {
    const { random } = this.#world;
    for (const claimId of this.#claimIds)
      for (let times = random.int(1, FREQUENT_POLLS_MAX); times > 0; times--)
        this.#track(sleep(random.int(0, FREQUENT_POLLS_MS)).then(async () => void (await this.#status(claimId))));
  }

  get #claimIds(): Set<string> {
    return new Set(this.history.flatMap((call) => (call.op === 'claim' && call.claimId ? [call.claimId] : [])));
  }

  /** Polls every claim with a known id a few times. Resolves to whether all of them have a final status. */
  async pollPending(): Promise<boolean> {
    const open = this.#claimIds;
    for (let left = FINAL_POLLS; left > 0 && open.size > 0; left--) {
      for (const claimId of open) if (isFinal(await this.#status(claimId))) open.delete(claimId);
      if (open.size > 0) await sleep(POLL_EVERY_MS);
    }
    return open.size === 0;
  }

  /**
   * The history for the checker. A 202 whose status was read only after its record may have been deleted counts as a lost
   * answer.
   */
  get judged(): HistoryRecord[] {
    const polled = Map.groupBy(
      this.history.filter((record) => record.op === 'status'),
      ({ claimId }) => claimId,
    );
    return this.history.map((call) => {
      if (call.op !== 'claim' || call.status !== 202) return call;
      const last = polled.get(call.claimId as string)?.findLast(({ error }) => error === undefined);
      if (last?.status !== 404 || last.invokedAt - call.invokedAt < READABLE_MS) return call;
      const { status: _status, code: _code, ...rest } = call;
      return { ...rest, error: 'answered pending, and polled too late' };
    });
  }

  #call(operation: Omit<Operation, 'duplicates'>): void {
    this.#track(this.#claimUntilAnswered(operation));
  }

  #track(call: Promise<void>): void {
    this.#running++;
    void call.finally(() => {
      this.#running--;
    });
  }

  async #claimUntilAnswered({ atMs, attemptsMax, ...operation }: Omit<Operation, 'duplicates'>): Promise<void> {
    const { random } = this.#world;
    await sleep(atMs);
    for (let left = attemptsMax; left > 0; left--) {
      const call = await this.#claim(operation);
      if (call.status === 202 && random.chance(0.3)) await this.#poll(call.claimId as string);
      // In parallel: after a 503 the caller also retries.
      if (call.status === 503 && call.claimId !== undefined) this.#track(this.#poll(call.claimId));
      if (call.status !== undefined && call.status < 500 && !random.chance(0.1)) return;
      await sleep(random.int(0, 500));
    }
  }

  /** Polls a claim once, or until its status is final. */
  async #poll(claimId: string): Promise<void> {
    const { random } = this.#world;
    const betweenMs = random.pick([300, 2_000]);
    for (let left = random.pick([1, 1, 10]); left > 0; left--) {
      await sleep(random.int(1, betweenMs));
      const { status, code } = await this.#status(claimId);
      if (status === 200 && code !== 'pending') return;
    }
  }

  async #claim({
    user,
    coupon,
    key,
    waitMs,
  }: Pick<Operation, 'user' | 'coupon' | 'key' | 'waitMs'>): Promise<ClaimCall> {
    const { random, trace, coverage } = this.#world;
    const call: ClaimCall = { op: 'claim', invokedAt: this.#world.nowMs(), user, coupon, ...(key && { key }) };
    this.history.push(call);
    coverage.claims++;
    const requestId = `request-${++this.#requests}`;
    trace(() => `${requestId}: ${user} claims "${coupon}"${key ? ` under ${key}` : ''}`);
    try {
      const api = this.#pickApi();
      const answer = await api.claim({ requestId, userId: user, couponName: coupon, key, waitMs });
      // The connection breaks after the API answered.
      if (this.#world.faultRate > 0 && random.chance(this.#world.faultRate)) throw new Error('the connection broke');
      const { code, claim_id, done, reason } = answer.body;
      call.status = answer.status;
      if (code !== undefined) call.code = code;
      if (claim_id !== undefined) call.claimId = claim_id;
      if (answer.replayed) call.replayed = true;
      if (done !== undefined) call.done = done;
      if (reason !== undefined) call.reason = reason;
      Object.assign(call, unitOf(answer.body));
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = this.#world.nowMs();
    if (call.status === 200) coverage.granted++;
    else if (call.status === 202) coverage.pending++;
    else if (call.status === 403) coverage['sale not open']++;
    else if (call.status !== undefined && call.status < 500) coverage.refused++;
    else if (call.status === 503 && call.claimId !== undefined) coverage['unknown with claim id']++;
    trace(() => `${requestId}: answered ${call.status ?? call.error} ${call.code ?? ''} ${call.claimId ?? ''}`);
    if (this.#readsOwnClaims && call.status === 200) this.#track(this.#read(coupon));
    return call;
  }

  startReads(reads: readonly PlannedRead[]): void {
    this.#readsOwnClaims = reads.length > 0;
    for (const { coupon, atMs } of reads) this.#track(sleep(atMs).then(() => this.#read(coupon)));
  }

  async #read(coupon: string): Promise<void> {
    const { trace, coverage, nowMs, random, faultRate } = this.#world;
    const call: ReadCall = { op: 'read', invokedAt: nowMs(), coupon };
    this.history.push(call);
    try {
      const answer = await this.#pickApi().read(coupon);
      if (faultRate > 0 && random.chance(faultRate)) throw new Error('the connection broke');
      call.status = answer ? 200 : 404;
      if (answer) {
        const { amount, remaining_amount: remaining, claimed_count: claimed, claimed_by, version, state } = answer;
        Object.assign(call, { amount, remaining, claimed, listed: claimed_by?.length, version, state });
        coverage.read++;
      }
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = nowMs();
    trace(() => `"${coupon}" has ${call.remaining ?? call.status ?? call.error} units left`);
  }

  startList({ atMs, ...list }: PlannedList): void {
    this.#track(sleep(atMs).then(() => this.#list(list)));
  }

  async #list({ coupon, only, limit }: Omit<PlannedList, 'atMs'>): Promise<void> {
    const { trace, coverage, nowMs, random, faultRate } = this.#world;
    const call: ListCall = { op: 'list', invokedAt: nowMs(), of: 'claims', coupon, ...(only && { only }), pages: [] };
    this.history.push(call);
    try {
      let after: string | null | undefined;
      do {
        const page = await this.#pickApi().list(coupon, { status: only, limit, after });
        if (faultRate > 0 && random.chance(faultRate)) throw new Error('the connection broke');
        call.pages.push(page.data.map(({ claim_id }) => claim_id));
        after = page.next;
        await sleep(random.int(0, 100));
      } while (after !== null);
      call.status = 200;
      coverage.listed++;
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = nowMs();
    trace(() => `the claims of "${coupon}" are ${JSON.stringify(call.pages)} ${call.error ?? ''}`);
  }

  async #releaseUntilAnswered(
    { claimId = '', user, coupon, key }: ClaimCall,
    { attemptsMax, claimsAgain }: Pick<PlannedRelease, 'attemptsMax' | 'claimsAgain'>,
  ): Promise<void> {
    const { random, coverage } = this.#world;
    for (let left = attemptsMax; left > 0; left--) {
      const { status } = await this.#release(claimId);
      if (status === 200 && claimsAgain !== 'no') {
        coverage['claimed again']++;
        const again = claimsAgain === 'key' ? key : `again ${claimId}`;
        await this.#claim({ user, coupon, key: again, waitMs: undefined });
      }
      if (status !== undefined && status < 500 && status !== 202 && !random.chance(0.2)) return;
      await sleep(random.int(0, 500));
    }
  }

  async #release(claimId: string): Promise<ReleaseCall> {
    const { random, trace, coverage, faultRate, nowMs } = this.#world;
    const call: ReleaseCall = { op: 'release', invokedAt: nowMs(), claimId };
    this.history.push(call);
    trace(() => `${claimId} is to be released`);
    try {
      const { status, body } = await this.#pickApi().release(claimId);
      if (faultRate > 0 && random.chance(faultRate)) throw new Error('the connection broke');
      call.status = status;
      if (body.code !== undefined) call.code = body.code;
      if (body.done !== undefined) call.done = body.done;
      if (body.user_id !== undefined) call.user = body.user_id;
      if (body.coupon_name !== undefined) call.coupon = body.coupon_name;
      Object.assign(call, unitOf(body));
      if (status === 200) coverage.released++;
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = nowMs();
    trace(() => `${claimId}: release answered ${call.status ?? call.error} ${call.code ?? ''}`);
    return call;
  }

  async #changeUntilAnswered({ attemptsMax, ...change }: Omit<PlannedChange, 'atMs'>): Promise<void> {
    const { random } = this.#world;
    for (let left = attemptsMax; left > 0; left--) {
      const { status } = await this.#change(change);
      if (status !== undefined && status < 500 && !random.chance(0.1)) return;
      await sleep(random.int(0, 500));
    }
  }

  async #change(change: Omit<PlannedChange, 'atMs' | 'attemptsMax'>): Promise<SettingsCall> {
    const { random, trace, coverage, faultRate, nowMs } = this.#world;
    const { coupon, isGuarded, amount, paused } = change;
    const timeOf = (inMs: number | null) => (inMs === null ? null : START_MS + Math.floor(nowMs()) + inMs);
    const set: SettingsCall['set'] = {
      ...(amount !== undefined && { amount }),
      ...(paused !== undefined && { paused }),
      ...(change.startsInMs !== undefined && { startsAt: timeOf(change.startsInMs) }),
      ...(change.endsInMs !== undefined && { endsAt: timeOf(change.endsInMs) }),
      ...(isGuarded && { version: this.#versionOf(coupon) }),
    };
    const call: SettingsCall = { op: 'settings', invokedAt: nowMs(), coupon, set };
    this.history.push(call);
    trace(() => `"${coupon}" is to get ${JSON.stringify(set)}`);
    try {
      const { startsAt, endsAt, ...rest } = set;
      const answer = await this.#pickApi().change(coupon, {
        ...rest,
        ...(startsAt !== undefined && { starts_at: toText(startsAt) }),
        ...(endsAt !== undefined && { ends_at: toText(endsAt) }),
      });
      if (faultRate > 0 && random.chance(faultRate)) throw new Error('the connection broke');
      Object.assign(call, answer);
      if (call.status === 200) coverage.changed++;
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = nowMs();
    trace(() => `"${coupon}": change answered ${call.status ?? call.error} ${call.code ?? ''} version ${call.version}`);
    return call;
  }

  /** The version that the last answer had. */
  #versionOf(coupon: string): number {
    const last = this.history.findLast((call) => call.op === 'settings' && call.coupon === coupon && call.version);
    return last?.op === 'settings' ? (last.version ?? 1) : 1;
  }

  async #status(claimId: string): Promise<StatusCall> {
    const call: StatusCall = { op: 'status', invokedAt: this.#world.nowMs(), claimId };
    this.history.push(call);
    try {
      const status = await this.#pickApi().status(claimId);
      call.status = status ? 200 : 404;
      if (status) {
        Object.assign(call, { code: status.code, user: status.user_id, coupon: status.coupon_name }, unitOf(status));
        if (status.reason !== undefined) call.reason = status.reason;
      }
      if (status?.code === 'timed_out') this.#world.coverage['timed out']++;
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = this.#world.nowMs();
    this.#world.trace(() => `${claimId} is ${call.code ?? call.status ?? call.error}`);
    return call;
  }

  /** @throws Error if no API process runs: the connection is refused. */
  #pickApi(): ApiProcess {
    const apis = this.#apis();
    if (apis.length === 0) throw new Error('connection refused');
    return this.#world.random.pick(apis);
  }
}
