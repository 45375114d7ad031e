import type { ClaimCall, HistoryRecord, StatusCall } from '@flashclaim/audit';
import type { ApiProcess } from './model-api.ts';
import type { World } from './world.ts';

/** What somebody wants, and how stubborn they are. */
export interface Wish {
  user: string;
  coupon: string;
  key: string | undefined;
  waitMs: number | undefined;
  atMs: number;
  triesMax: number;
  /** Those who send the same key at about the same time: the caller's own second request, or another user. */
  twins: { user: string; afterMs: number }[];
}

/** Between two questions after a claim, where the first was not answered. */
const ASK_AGAIN_MS = 1_000;

/** Such questions in the end, before time passes in which jobs expire. */
const ASKS_IN_THE_END = 5;

/** So often at most, and within this time. */
const ASKED_OFTEN_MAX = 8;
const ASKED_OFTEN_MS = 3_000;

/** For so long at least after its decision a status can be read. */
const READABLE_MS = 3_600_000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const isTold = ({ error, code }: StatusCall): boolean => error === undefined && code !== 'pending';

/** All who call, and the history of what they were told. */
export class Callers {
  readonly history: HistoryRecord[] = [];
  readonly #world: World;
  /** The API processes that are alive. */
  readonly #apis: () => readonly ApiProcess[];
  #calling = 0;
  #requests = 0;

  constructor(world: World, apis: () => readonly ApiProcess[]) {
    this.#world = world;
    this.#apis = apis;
  }

  get done(): boolean {
    return this.#calling === 0;
  }

  comeWith(wish: Wish): void {
    const { twins, ...own } = wish;
    this.#call(own);
    for (const { user, afterMs } of twins) this.#call({ ...own, user, atMs: own.atMs + afterMs });
  }

  /** All who know nothing but the id of their claim ask what became of it, again and again for a moment. */
  askOften(): void {
    const { random } = this.#world;
    for (const claimId of this.#claimIds)
      for (let times = random.int(1, ASKED_OFTEN_MAX); times > 0; times--)
        this.#begin(sleep(random.int(0, ASKED_OFTEN_MS)).then(async () => void (await this.#status(claimId))));
  }

  get #claimIds(): Set<string> {
    return new Set(this.history.flatMap((call) => (call.op === 'claim' && call.claimId ? [call.claimId] : [])));
  }

  /** Asks after every claim whose caller was given its id only, a few times. Resolves to whether all of them are told. */
  async askAfterPending(): Promise<boolean> {
    const open = this.#claimIds;
    for (let left = ASKS_IN_THE_END; left > 0 && open.size > 0; left--) {
      for (const claimId of open) if (isTold(await this.#status(claimId))) open.delete(claimId);
      if (open.size > 0) await sleep(ASK_AGAIN_MS);
    }
    return open.size === 0;
  }

  /**
   * The history as it can be judged: a caller who was told `pending`, and asks again when the record of that may be gone, knows
   * as much as after a lost answer.
   */
  get judged(): HistoryRecord[] {
    const asked = Map.groupBy(
      this.history.filter((record) => record.op === 'status'),
      ({ claimId }) => claimId,
    );
    return this.history.map((call) => {
      if (call.op !== 'claim' || call.status !== 202) return call;
      const last = asked.get(call.claimId as string)?.findLast(({ error }) => error === undefined);
      if (last?.status !== 404 || last.invokedAt - call.invokedAt < READABLE_MS) return call;
      const { status: _status, code: _code, ...rest } = call;
      return { ...rest, error: 'told pending, and asked too late' };
    });
  }

  #call(wish: Omit<Wish, 'twins'>): void {
    this.#begin(this.#insist(wish));
  }

  #begin(calling: Promise<void>): void {
    this.#calling++;
    void calling.finally(() => {
      this.#calling--;
    });
  }

  async #insist({ atMs, triesMax, ...wish }: Omit<Wish, 'twins'>): Promise<void> {
    const { random } = this.#world;
    await sleep(atMs);
    for (let left = triesMax; left > 0; left--) {
      const call = await this.#claim(wish);
      if (call.status === 202 && random.chance(0.3)) await this.#askAfter(call.claimId as string);
      // Besides: a caller who is told 503 comes again as well.
      if (call.status === 503 && call.claimId !== undefined) this.#begin(this.#askAfter(call.claimId));
      if (call.status !== undefined && call.status < 500 && !random.chance(0.1)) return;
      await sleep(random.int(0, 500));
    }
  }

  /** Once, or until it is told. */
  async #askAfter(claimId: string): Promise<void> {
    const { random } = this.#world;
    const betweenMs = random.pick([300, 2_000]);
    for (let left = random.pick([1, 1, 10]); left > 0; left--) {
      await sleep(random.int(1, betweenMs));
      const { status, code } = await this.#status(claimId);
      if (status === 200 && code !== 'pending') return;
    }
  }

  async #claim({ user, coupon, key, waitMs }: Pick<Wish, 'user' | 'coupon' | 'key' | 'waitMs'>): Promise<ClaimCall> {
    const { random, trace, met } = this.#world;
    const call: ClaimCall = { op: 'claim', invokedAt: this.#world.nowMs(), user, coupon, ...(key && { key }) };
    this.history.push(call);
    met.claims++;
    const requestId = `request-${++this.#requests}`;
    trace(() => `${requestId}: ${user} claims "${coupon}"${key ? ` under ${key}` : ''}`);
    try {
      const api = this.#reach();
      const told = await api.claim({ requestId, userId: user, couponName: coupon, key, waitMs });
      // The answer was on its way, and the line broke.
      if (this.#world.faultRate > 0 && random.chance(this.#world.faultRate)) throw new Error('the line broke');
      call.status = told.status;
      if (told.code !== undefined) call.code = told.code;
      if (told.claimId !== undefined) call.claimId = told.claimId;
      if (told.replayed) call.replayed = true;
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = this.#world.nowMs();
    if (call.status === 200) met.granted++;
    else if (call.status === 202) met.pending++;
    else if (call.status !== undefined && call.status < 500) met.refused++;
    else if (call.status === 503 && call.claimId !== undefined) met['unknown with claim id']++;
    trace(() => `${requestId}: told ${call.status ?? call.error} ${call.code ?? ''} ${call.claimId ?? ''}`);
    return call;
  }

  async #status(claimId: string): Promise<StatusCall> {
    const call: StatusCall = { op: 'status', invokedAt: this.#world.nowMs(), claimId };
    this.history.push(call);
    try {
      const status = await this.#reach().status(claimId);
      call.status = status ? 200 : 404;
      if (status) Object.assign(call, { code: status.code, user: status.user_id, coupon: status.coupon_name });
      if (status?.code === 'timed_out') this.#world.met['timed out']++;
    } catch (error) {
      call.error = (error as Error).message;
    }
    call.answeredAt = this.#world.nowMs();
    this.#world.trace(() => `${claimId} is ${call.code ?? call.status ?? call.error}`);
    return call;
  }

  /** @throws Error where no API process is alive: the connection is refused. */
  #reach(): ApiProcess {
    const apis = this.#apis();
    if (apis.length === 0) throw new Error('connection refused');
    return this.#world.random.pick(apis);
  }
}
