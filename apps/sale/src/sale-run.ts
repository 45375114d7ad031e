import type { Adapter } from './adapters/adapter.ts';
import type { ClaimResult, ReadResult } from './call-results.ts';
import type { PlannedCall } from './plan-calls.ts';
import type { SaleClient } from './sale-client.ts';

export interface SaleRunOptions {
  client: SaleClient;
  adapter: Adapter;
  coupon: string;
  /** In the order of `due`. */
  calls: readonly PlannedCall[];
  /** Calls in flight, at most. */
  connections: number;
  /** Callers who come before this time come again then; in ms after the begin. */
  opensAfterMs?: number | undefined;
  onResult(result: ClaimResult | ReadResult): void;
}

/** A call without an answer is given up after this time. */
const ANSWER_MAX_MS = 30_000;
/** After Ctrl-C, calls in flight have this long. */
const STOP_MAX_MS = 2_000;
const CHECK_EVERY_MS = 500;

/** Sends the calls of a sale when they are due, as far as connections are free. */
export class SaleRun {
  readonly #options: SaleRunOptions;
  readonly #calls: PlannedCall[];
  readonly #inFlight = new Map<AbortController, number>();
  readonly #done = Promise.withResolvers<void>();
  #next = 0;
  #isStopped = false;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SaleRunOptions) {
    this.#options = options;
    this.#calls = [...options.calls];
  }

  /** Calls that are planned by now. */
  get total(): number {
    return this.#calls.length;
  }

  /** Resolves when every call has ended. `stop` ends the sale early. */
  async run(stop: AbortSignal): Promise<void> {
    if (stop.aborted) return;
    this.#startedAt = performance.now();
    const watch = setInterval(() => this.#giveUp(ANSWER_MAX_MS), CHECK_EVERY_MS);
    let stopTimer: NodeJS.Timeout | undefined;
    const onStop = () => {
      this.#isStopped = true;
      this.#calls.length = this.#next;
      stopTimer = setTimeout(() => this.#giveUp(0), STOP_MAX_MS);
      this.#send();
    };
    stop.addEventListener('abort', onStop, { once: true });
    this.#send();
    await this.#done.promise;
    stop.removeEventListener('abort', onStop);
    clearInterval(watch);
    clearTimeout(stopTimer);
  }

  /** Sends what is due, and comes back when more is. */
  #send(): void {
    clearTimeout(this.#timer);
    for (;;) {
      const call = this.#calls[this.#next];
      if (!call) {
        if (this.#inFlight.size === 0) this.#done.resolve();
        return;
      }
      if (this.#inFlight.size >= this.#options.connections) return;
      const wait = this.#startedAt + call.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#send(), wait);
        return;
      }
      this.#next++;
      this.#start(call).then(() => this.#send(), this.#done.reject);
    }
  }

  async #start(call: PlannedCall): Promise<void> {
    const controller = new AbortController();
    const sentAt = performance.now();
    this.#inFlight.set(controller, sentAt);
    const hangUp =
      call.hangUpAfterMs !== undefined ? setTimeout(() => controller.abort(), call.hangUpAfterMs) : undefined;
    const times = { due: this.#startedAt + call.due, sentAt };
    const result = await (call.kind === 'claim'
      ? this.#claim(call, times, controller.signal)
      : this.#read(times, controller.signal));
    clearTimeout(hangUp);
    this.#inFlight.delete(controller);
    this.#options.onResult(result);
    if (result.kind === 'claim') this.#follow(call, result);
  }

  async #claim(call: PlannedCall, times: { due: number; sentAt: number }, signal: AbortSignal): Promise<ClaimResult> {
    const { client, adapter, coupon } = this.#options;
    const request = adapter.claim({ user: call.user, coupon, key: call.key });
    // Not every API has keys.
    const isKeyed = call.key !== undefined && JSON.stringify(request).includes(call.key);
    const claim = { kind: 'claim' as const, user: call.user, ...(isKeyed && { key: call.key }), ...times };
    try {
      const answer = await client.send(request, signal);
      return { ...claim, ...adapter.readClaim(answer), answeredAt: performance.now(), status: answer.status };
    } catch (error) {
      return { ...claim, outcome: 'unknown', answeredAt: performance.now(), error: describe(error) };
    }
  }

  async #read(times: { due: number; sentAt: number }, signal: AbortSignal): Promise<ReadResult> {
    const { client, adapter, coupon } = this.#options;
    try {
      const answer = await client.send(adapter.coupon(coupon), signal);
      const read = { coupon: adapter.readCoupon(answer), status: answer.status };
      return { kind: 'read', ...times, ...read, answeredAt: performance.now() };
    } catch (error) {
      return { kind: 'read', ...times, answeredAt: performance.now(), error: describe(error) };
    }
  }

  /** A caller who repeats the claim does so now, one who came too early when the sale opens. */
  #follow(call: PlannedCall, { outcome }: ClaimResult): void {
    const { isRepeated, hangUpAfterMs: _, ...again } = call;
    const now = performance.now() - this.#startedAt;
    const { opensAfterMs = 0 } = this.#options;
    if (this.#isStopped) return;
    if (outcome === 'sale_not_open' && call.due < opensAfterMs)
      this.#add({ ...again, due: Math.max(now, opensAfterMs) });
    else if (isRepeated) this.#add({ ...again, due: now });
  }

  #add(call: PlannedCall): void {
    let at = this.#calls.length;
    while (at > this.#next && (this.#calls[at - 1] as PlannedCall).due > call.due) at--;
    this.#calls.splice(at, 0, call);
  }

  #giveUp(olderThanMs: number): void {
    const sentBefore = performance.now() - olderThanMs;
    for (const [controller, sentAt] of this.#inFlight) if (sentAt <= sentBefore) controller.abort();
  }
}

const describe = (error: unknown): string => {
  const { name, code, message } = error as NodeJS.ErrnoException;
  return name === 'AbortError' ? 'given up' : (code ?? message);
};
