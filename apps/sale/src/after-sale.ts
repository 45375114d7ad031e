import { setTimeout as sleep } from 'node:timers/promises';
import { count } from '@flashclaim/terminal';
import type { Adapter, CouponAnswer } from './adapters/adapter.ts';
import type { ClaimResult, ReadResult, StatusResult } from './call-results.ts';
import type { SaleClient } from './sale-client.ts';

/** Pending claims are asked for, and the coupon is read again, as long as this and this often. */
const WAIT_MAX_MS = 30_000;
const ASK_EVERY_MS = 200;
/** After Ctrl-C, the coupon is read again for this long. */
const STOPPED_WAIT_MAX_MS = 2_000;

interface Server {
  client: SaleClient;
  adapter: Adapter;
}

/** Asks for every pending claim until it is decided or `stop` is aborted, and sets its `decided`. Returns the calls. */
export const resolvePending = async (
  server: Server,
  claims: readonly ClaimResult[],
  stop: AbortSignal,
): Promise<StatusResult[]> => {
  const asked: StatusResult[] = [];
  const ended = AbortSignal.any([stop, AbortSignal.timeout(WAIT_MAX_MS)]);
  let pending = claims.filter(({ outcome, claimId }) => outcome === 'pending' && claimId !== undefined);
  if (server.adapter.status && pending.length > 0)
    console.log(`Claims pending: ${count(pending.length)}. Waiting for them, ${WAIT_MAX_MS / 1_000} s at most.`);
  while (server.adapter.status && pending.length > 0 && !ended.aborted) {
    for (const claim of pending) {
      const result = await askStatus(server, claim.claimId as string, ended);
      if (!result) continue;
      asked.push(result);
      if (result.outcome !== 'pending') claim.decided = result.outcome;
    }
    pending = pending.filter(({ decided }) => decided === undefined);
    if (pending.length > 0) await sleep(ASK_EVERY_MS);
  }
  return asked;
};

const askStatus = async (
  { client, adapter }: Server,
  claimId: string,
  ended: AbortSignal,
): Promise<StatusResult | undefined> => {
  if (!adapter.status || !adapter.readStatus) return undefined;
  const sentAt = performance.now();
  try {
    const answer = await client.send(adapter.status(claimId), ended);
    const times = { due: sentAt, sentAt, answeredAt: performance.now() };
    return { kind: 'status', ...adapter.readStatus(answer), claimId, ...times, status: answer.status };
  } catch {
    return undefined;
  }
};

/** The coupon after the sale, and the call that read it; or why it can't be read. */
export type End = { coupon: CouponAnswer; read: ReadResult } | { unread: string };

/** Reads the coupon with all its users, once two reads are the same: claims of callers who hung up are decided by then. */
export const readInTheEnd = async (server: Server, name: string, stop: AbortSignal): Promise<End> => {
  const startedAt = performance.now();
  const waitMaxMs = () => (stop.aborted ? STOPPED_WAIT_MAX_MS : WAIT_MAX_MS);
  let earlier: CouponAnswer | undefined;
  let unread: string | undefined;
  const fail = (why: string) => {
    if (!unread) console.log(`The coupon can't be read: ${why}. Trying again, ${WAIT_MAX_MS / 1_000} s at most.`);
    unread = why;
  };
  for (;;) {
    const sentAt = performance.now();
    try {
      const request = { ...server.adapter.coupon(name), isAdmin: true };
      const answer = await server.client.send(request, AbortSignal.timeout(waitMaxMs()));
      const coupon = server.adapter.readCoupon(answer);
      if (!coupon) fail(`status ${answer.status}`);
      const isSame = coupon && coupon.claimed === earlier?.claimed && coupon.remaining === earlier.remaining;
      if (isSame) {
        const times = { due: sentAt, sentAt, answeredAt: performance.now() };
        const read: ReadResult = { kind: 'read', ...times, status: answer.status, coupon };
        return { coupon: { ...coupon, users: await allUsers(server, coupon) }, read };
      }
      earlier = coupon;
    } catch (error) {
      fail((error as Error).message);
    }
    if (performance.now() - startedAt > waitMaxMs()) return { unread: unread ?? 'it never was the same twice' };
    await sleep(ASK_EVERY_MS);
  }
};

const allUsers = async ({ client, adapter }: Server, coupon: CouponAnswer): Promise<string[] | undefined> => {
  const users = coupon.users && [...coupon.users];
  let { next } = coupon;
  while (users && next && adapter.readMoreUsers) {
    const answer = await client.send(next, AbortSignal.timeout(WAIT_MAX_MS));
    if (answer.status !== 200) throw new Error(`GET ${next.path} answered ${answer.status}`);
    const more = adapter.readMoreUsers(answer);
    users.push(...(more.users ?? []));
    next = more.next;
  }
  return users;
};
