import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { json } from 'node:stream/consumers';
import {
  type CheckOptions,
  type ClaimCall,
  type CreateCall,
  checkHistoryFile,
  describeViolations,
  type HistoryRecord,
  type Mark,
  type ReadCall,
  type StatusCall,
  type Violation,
} from '@flashclaim/audit';
import { normaliseName } from '@flashclaim/core';
import type { System } from './system.ts';
import { until } from './until.ts';

type Call = Exclude<HistoryRecord, Mark>;

/** What may be in an answer; of a broken system nothing is sure. */
interface Answer {
  code?: string;
  claim_id?: string;
  user_id?: string;
  coupon_name?: string;
  amount?: number;
  remaining_amount?: number;
  claimed_count?: number;
  claimed_by?: string[];
}

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: object;
  signal?: AbortSignal | undefined;
}

export interface ClaimOptions {
  /** Sent as Idempotency-Key. */
  key?: string;
  /** Sent as Prefer. */
  prefer?: string;
  /** Hangs up when it fires. */
  signal?: AbortSignal;
}

/** Calls the API and remembers each call and its answer, whatever that was: no call here ever throws. */
export class HistoryRecorder {
  readonly #records: HistoryRecord[] = [];
  readonly #agent = new Agent({ keepAlive: true });

  /** Resolves once the call has ended, to its record. */
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
    await this.#send(
      call,
      `${url}/api/coupons/claim`,
      { method: 'POST', headers, body, signal },
      (answer, replayed) => {
        if (answer.claim_id !== undefined) call.claimId = answer.claim_id;
        if (replayed) call.replayed = true;
      },
    );
    return call;
  }

  async create(url: string, coupon: string, amount: number): Promise<CreateCall> {
    const call: CreateCall = { op: 'create', invokedAt: performance.now(), coupon: normaliseName(coupon), amount };
    await this.#send(call, `${url}/api/coupons`, { method: 'POST', body: { name: coupon, amount } });
    return call;
  }

  async read(url: string, coupon: string): Promise<ReadCall> {
    const call: ReadCall = { op: 'read', invokedAt: performance.now(), coupon: normaliseName(coupon) };
    await this.#send(call, `${url}/api/coupons/${encodeURIComponent(coupon)}`, {}, (answer) => {
      if (call.status !== 200) return;
      const { amount, remaining_amount: remaining, claimed_count: claimed } = answer;
      Object.assign(call, { amount, remaining, claimed, listed: answer.claimed_by?.length });
    });
    return call;
  }

  /** Reads it as a caller does who is told 503: again, until there is an answer. */
  async readAgain(url: string, coupon: string): Promise<ReadCall> {
    let call!: ReadCall;
    await until(async () => {
      call = await this.read(url, coupon);
      return call.status !== 503;
    });
    return call;
  }

  /** Notes that something was broken on purpose, or is whole again. */
  mark(op: Mark['op'], what: string): void {
    this.#records.push({ op, invokedAt: performance.now(), what });
  }

  /**
   * Waits until everything is decided, then checks the history against the database.
   * @throws Error with every violation and the path of the history, which is kept then.
   */
  async expectTruthful(system: System, options: CheckOptions = {}): Promise<void> {
    const violations = await this.check(system, options);
    if (violations.length === 0) return;
    throw new Error(`${describeViolations(violations)}\nThe history is in ${this.write()}`);
  }

  /** The same, but returns the violations. */
  async check(system: System, options: CheckOptions = {}): Promise<Violation[]> {
    await this.#settle(system);
    // Whoever hung up before the request was sent leaves a connection behind that was never used.
    this.#agent.destroy();
    // By way of a file: what is checked is what would be kept.
    const file = this.write();
    const { violations } = await checkHistoryFile(system.stores.mongo, file, options);
    rmSync(dirname(file), { recursive: true });
    return violations;
  }

  /** A claim may be decided long after its caller hung up, or was told `pending`. */
  async #settle({ urls, stores }: System): Promise<void> {
    const url = urls[0] as string;
    const claims = this.#records.filter((record) => record.op === 'claim');
    // Whoever asks after them is queued behind them, in the API as in the lane.
    const doubtful = new Set(
      claims.filter(({ status }) => status === undefined || status >= 500).map(({ coupon }) => coupon),
    );
    await Promise.all(
      urls.flatMap((one, i) => [...doubtful].map((coupon) => this.claim(one, coupon, `asks after them ${i}`))),
    );
    if (doubtful.size > 0)
      await until(async () => {
        const keys = await stores.redis.keys('*:lane-*');
        return !keys.some((key) => /:lane-\d+:(wait|active|delayed|paused)$/.test(key));
      });
    // Of a claim that was answered 503 with its id, nothing may be known.
    for (const { status, claimId } of claims)
      if (claimId !== undefined && status !== 200) await this.#settlePending(url, claimId);
  }

  /** Until its status is final. What a 404 means, the checker says. */
  async #settlePending(url: string, claimId: string): Promise<void> {
    await until(async () => {
      const { code, status } = await this.status(url, claimId);
      return status === 404 || (status === 200 && code !== 'pending');
    });
  }

  /** Asks what became of a claim. */
  async status(url: string, claimId: string): Promise<StatusCall> {
    const call: StatusCall = { op: 'status', invokedAt: performance.now(), claimId };
    await this.#send(call, `${url}/api/claims/${claimId}`, {}, ({ user_id, coupon_name }) => {
      if (user_id !== undefined) call.user = user_id;
      if (coupon_name !== undefined) call.coupon = coupon_name;
    });
    return call;
  }

  async #send(call: Call, url: string, sent: Sent, note: (answer: Answer, replayed: boolean) => void = () => {}) {
    this.#records.push(call);
    try {
      const { status, replayed, answer } = await this.#exchange(url, sent);
      call.status = status;
      if (answer.code !== undefined) call.code = answer.code;
      note(answer, replayed);
    } catch (error) {
      delete call.status;
      call.error = (error as Error).message;
    }
    call.answeredAt = performance.now();
  }

  #exchange(url: string, { method = 'GET', headers = {}, body, signal }: Sent) {
    return new Promise<{ status: number; replayed: boolean; answer: Answer }>((resolve, reject) => {
      const type = body ? { 'content-type': 'application/json' } : {};
      const options = { agent: this.#agent, method, headers: { ...type, ...headers }, ...(signal && { signal }) };
      const call = request(url, options, (response) => {
        json(response).then((answer) => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, replayed: headers['idempotency-replayed'] === 'true', answer: answer as Answer });
        }, reject);
      });
      call.on('error', reject);
      call.end(body && JSON.stringify(body));
    });
  }

  /** Writes it to a file, and returns its path. */
  write(): string {
    const file = join(mkdtempSync(join(tmpdir(), 'flashclaim-history-')), 'history.jsonl');
    writeFileSync(file, this.#records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    return file;
  }
}
