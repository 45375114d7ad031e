import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type CheckOptions,
  type ClaimCall,
  type CreateCall,
  checkHistoryFile,
  describeViolations,
  type HistoryRecord,
  type ListCall,
  type Mark,
  type ReadCall,
  type ReleaseCall,
  type SettingsCall,
  type StatusCall,
  type Violation,
} from '@flashclaim/audit';
import { normaliseName } from '@flashclaim/core';
import { HttpSender } from '@flashclaim/load';
import type { TestStores } from './stores.ts';
import type { System } from './system.ts';
import { until } from './until.ts';

type Call = Exclude<HistoryRecord, Mark>;

/** Possible fields of an answer; a broken system may send any of them. */
interface Answer {
  code?: string;
  done?: 'nothing' | 'unknown';
  claim_id?: string;
  user_id?: string;
  coupon_name?: string;
  reason?: string;
  sequence?: number;
  claimed_at?: string;
  ended_at?: string;
  version?: number;
  state?: string;
  amount?: number;
  remaining_amount?: number;
  claimed_count?: number;
  claimed_by?: string[];
  data?: { claim_id: string }[];
  next?: string | null;
}

/** Settings of a coupon, as in the body of a request. */
export interface SaleSettings {
  amount?: number;
  starts_at?: string | null;
  ends_at?: string | null;
  paused?: boolean;
  /** The expected version. */
  version?: number;
}

interface Sent {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: object;
  signal?: AbortSignal | undefined;
}

/** Takes what a record needs from an answer. */
type RecordAnswer = (answer: Answer, replayed: boolean) => void;

export interface ClaimOptions {
  /** Sent as Idempotency-Key. */
  key?: string;
  /** Sent as Prefer. */
  prefer?: string;
  /** Closes the connection when it aborts. */
  signal?: AbortSignal;
}

/** The limit of I9. `npm run test:faults` sets that which is promised; beside other tests a recovery may take longer. */
const RECOVERY_MAX_MS = Number(process.env['TEST_RECOVERY_MAX_MS'] ?? 60_000);

/** Calls the API and records each call with its answer. A call never throws. */
export class HistoryRecorder {
  readonly #records: HistoryRecord[] = [];
  readonly #sender = new HttpSender();
  #redisLostWrites = false;

  /** Claims. Resolves to the record of the call, once it has ended. */
  async claim(
    url: string,
    coupon: string,
    user: string,
    { key, prefer, signal }: ClaimOptions = {},
  ): Promise<ClaimCall> {
    const names = { user: normaliseName(user), coupon: normaliseName(coupon) };
    const call: ClaimCall = { op: 'claim', invokedAt: performance.now(), ...names, ...(key !== undefined && { key }) };
    const body = { coupon_name: coupon, user_id: user };
    const headers = { ...(key !== undefined && { 'idempotency-key': key }), ...(prefer !== undefined && { prefer }) };
    const sent = { method: 'POST', path: '/api/coupons/claim', headers, body, signal };
    await this.#send(call, url, sent, (answer, replayed) => {
      if (answer.claim_id !== undefined) call.claimId = answer.claim_id;
      if (replayed) call.replayed = true;
      if (answer.done !== undefined) call.done = answer.done;
      Object.assign(call, unitIn(answer));
    });
    return call;
  }

  async create(
    url: string,
    coupon: string,
    amount: number,
    sale: Omit<SaleSettings, 'amount' | 'version'> = {},
  ): Promise<CreateCall> {
    const names = { coupon: normaliseName(coupon), amount };
    const call: CreateCall = { op: 'create', invokedAt: performance.now(), ...names, ...settingsIn(sale) };
    await this.#send(call, url, { method: 'POST', path: '/api/coupons', body: { name: coupon, amount, ...sale } });
    return call;
  }

  /** Releases a claim. */
  async release(url: string, claimId: string): Promise<ReleaseCall> {
    const call: ReleaseCall = { op: 'release', invokedAt: performance.now(), claimId };
    await this.#send(call, url, { method: 'DELETE', path: `/api/claims/${claimId}` }, (answer) => {
      if (answer.user_id !== undefined) call.user = answer.user_id;
      if (answer.coupon_name !== undefined) call.coupon = answer.coupon_name;
      if (answer.done !== undefined) call.done = answer.done;
      Object.assign(call, unitIn(answer));
    });
    return call;
  }

  /** Changes settings of a coupon. */
  async change(url: string, coupon: string, settings: SaleSettings): Promise<SettingsCall> {
    const { version } = settings;
    const set = { ...settingsIn(settings), ...(version !== undefined && { version }) };
    const call: SettingsCall = { op: 'settings', invokedAt: performance.now(), coupon: normaliseName(coupon), set };
    const sent = { method: 'PATCH', path: pathOf(coupon), body: settings };
    await this.#send(call, url, sent, (answer) => {
      if (answer.done !== undefined) call.done = answer.done;
      if (call.status === 200 && answer.version !== undefined) call.version = answer.version;
    });
    return call;
  }

  /** Reads all claims of a coupon, or those of one status, page by page. */
  async listClaims(url: string, coupon: string, only?: 'claimed' | 'released', limit = 100): Promise<ListCall> {
    const names = { of: 'claims' as const, coupon: normaliseName(coupon), ...(only && { only }) };
    const call: ListCall = { op: 'list', invokedAt: performance.now(), ...names, pages: [] };
    // One record for all pages.
    this.#records.push(call);
    let after: string | null | undefined;
    do {
      const query = new URLSearchParams({ limit: `${limit}`, ...(only && { status: only }), ...(after && { after }) });
      await this.#ask(call, url, { path: `${pathOf(coupon)}/claims?${query}` }, ({ data, next }) => {
        if (data) call.pages.push(data.map(({ claim_id }) => claim_id));
        after = next;
      });
    } while (call.status === 200 && after);
    return call;
  }

  async read(url: string, coupon: string): Promise<ReadCall> {
    const call: ReadCall = { op: 'read', invokedAt: performance.now(), coupon: normaliseName(coupon) };
    await this.#send(call, url, { path: pathOf(coupon) }, (answer) => {
      if (call.status !== 200) return;
      const { amount, remaining_amount: remaining, claimed_count: claimed, version, state } = answer;
      Object.assign(call, { amount, remaining, claimed, listed: answer.claimed_by?.length, version, state });
    });
    return call;
  }

  /** Reads a coupon, and repeats that as long as the answer is 503. */
  async readAgain(url: string, coupon: string): Promise<ReadCall> {
    let call!: ReadCall;
    await until(async () => {
      call = await this.read(url, coupon);
      return call.status !== 503;
    });
    return call;
  }

  /** Records that a part was broken on purpose, or has recovered. */
  mark(op: Mark['op'], what: string): void {
    this.#records.push({ op, invokedAt: performance.now(), what });
  }

  /** Records that Redis loses jobs. If their API process dies too, they end only at their deadline. */
  redisLosesWrites(): void {
    this.#redisLostWrites = true;
  }

  /**
   * Waits until everything is decided, then checks the history against the database.
   * @throws Error with every violation and the path of the history, which is kept then.
   */
  async expectConsistent(system: System, options: CheckOptions = {}): Promise<void> {
    const violations = await this.check(system, { recoveryMaxMs: RECOVERY_MAX_MS, ...options });
    if (violations.length === 0) return;
    throw new Error(`${describeViolations(violations)}\nThe history is in ${this.write()}`);
  }

  /** Like `expectConsistent`, but resolves to the violations. */
  async check(system: System, options: CheckOptions = {}): Promise<Violation[]> {
    await this.#settle(system);
    // A caller that aborted before it sent its request leaves an unused connection.
    this.#sender.close();
    // Through a file, so that the checked history is the one that would be kept.
    const file = this.write();
    const clock = { databaseTimeAtZeroMs: performance.timeOrigin };
    const { violations } = await checkHistoryFile(system.stores.mongo, file, { ...clock, ...options });
    rmSync(dirname(file), { recursive: true });
    return violations;
  }

  /** Waits until every claim is decided: that may be long after its caller disconnected or got `pending`. */
  async #settle({ urls, stores }: System): Promise<void> {
    const url = urls[0] as string;
    const claims = this.#records.filter((record) => record.op === 'claim');
    // A later claim on the same coupon is queued behind them, in the API and in the lane.
    const unknown = new Set(
      claims.filter(({ status }) => status === undefined || status >= 500).map(({ coupon }) => coupon),
    );
    await Promise.all(urls.flatMap((one, i) => [...unknown].map((coupon) => this.claim(one, coupon, `settles ${i}`))));
    if (unknown.size > 0) await until(() => areLanesEmpty(stores));
    const pending = claims.filter(({ status, claimId }) => status === 202 && claimId !== undefined);
    await this.#settlePending(
      url,
      pending.map(({ claimId }) => claimId as string),
      stores,
    );
  }

  async #settlePending(url: string, claimIds: readonly string[], stores: TestStores): Promise<void> {
    let undecided = claimIds;
    await until(async () => {
      const statuses = await Promise.all(undecided.map((claimId) => this.status(url, claimId)));
      undecided = statuses.filter(isUndecided).map(({ claimId }) => claimId);
      if (undecided.length > 0 && this.#redisLostWrites && (await areLanesEmpty(stores))) await passDeadlines(stores);
      return undecided.length === 0;
    });
  }

  /** Reads the status of a claim. */
  async status(url: string, claimId: string): Promise<StatusCall> {
    const call: StatusCall = { op: 'status', invokedAt: performance.now(), claimId };
    await this.#send(call, url, { path: `/api/claims/${claimId}` }, (answer) => {
      if (answer.user_id !== undefined) call.user = answer.user_id;
      if (answer.coupon_name !== undefined) call.coupon = answer.coupon_name;
      Object.assign(call, unitIn(answer));
    });
    return call;
  }

  #send(call: Call, url: string, sent: Sent, record?: RecordAnswer): Promise<void> {
    this.#records.push(call);
    return this.#ask(call, url, sent, record);
  }

  async #ask(
    call: Call,
    url: string,
    { method = 'GET', path, headers = {}, body, signal }: Sent,
    record: RecordAnswer = () => {},
  ): Promise<void> {
    try {
      const type = body ? { 'content-type': 'application/json' } : {};
      const answer = await this.#sender.send(url, {
        method,
        path,
        headers: { ...type, ...headers },
        body: body && JSON.stringify(body),
        signal,
      });
      const document = answer.body as Answer;
      call.status = answer.status;
      if (document.code !== undefined) call.code = document.code;
      record(document, answer.headers.get('idempotency-replayed') === 'true');
    } catch (error) {
      delete call.status;
      call.error = (error as Error).message;
    }
    call.answeredAt = performance.now();
  }

  /** Writes the history to a file and returns its path. */
  write(): string {
    const file = join(mkdtempSync(join(tmpdir(), 'flashclaim-history-')), 'history.jsonl');
    writeFileSync(file, this.#records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    return file;
  }
}

const pathOf = (coupon: string): string => `/api/coupons/${encodeURIComponent(coupon)}`;

/** What an answer says about the unit of a claim, or why there is none. */
const unitIn = ({ reason, sequence, claimed_at, ended_at }: Answer) => ({
  ...(reason !== undefined && { reason }),
  ...(sequence !== undefined && { sequence }),
  ...(claimed_at !== undefined && { claimedAt: Date.parse(claimed_at) }),
  ...(ended_at !== undefined && { endedAt: Date.parse(ended_at) }),
});

const settingsIn = ({ amount, starts_at, ends_at, paused }: SaleSettings) => ({
  ...(amount !== undefined && { amount }),
  ...(starts_at !== undefined && { startsAt: starts_at === null ? null : Date.parse(starts_at) }),
  ...(ends_at !== undefined && { endsAt: ends_at === null ? null : Date.parse(ends_at) }),
  ...(paused !== undefined && { paused }),
});

const isUndecided = ({ status, code }: StatusCall): boolean => status !== 200 || code === 'pending';

const areLanesEmpty = async ({ redis }: TestStores): Promise<boolean> => {
  const keys = await redis.keys('*:lane-*');
  return !keys.some((key) => /:lane-\d+:(wait|active|delayed|paused)$/.test(key));
};

/** Moves the deadlines of all undecided jobs into the past. */
const passDeadlines = async ({ mongo: { pendingClaims } }: TestStores): Promise<void> => {
  // biome-ignore lint/plugin: a timestamp, which MongoDB compares with its own.
  await pendingClaims.updateMany({}, { $set: { deadline: new Date(Date.now() - 60_000) } });
};
