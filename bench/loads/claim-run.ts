import type { Running } from '../candidates/candidate.ts';
import type { ClaimRequests, LoadClient, LoadResult } from '../client/load-client.ts';
import { watch } from '../measure/watch.ts';
import type { Figures } from '../run-record.ts';
import { figuresOf, recount } from './figures.ts';
import { probe } from './probe.ts';

/** More units than any run can claim. */
export const PLENTY = 1_000_000_000;

export interface ClaimRun extends Pick<ClaimRequests, 'bearersFile' | 'usersInTokens'> {
  client: LoadClient;
  running: Running;
  connections: number;
  seconds: number;
  /** `claimed`: every claim must be granted. `sold-out`: every claim must be refused. `constant`: the answer is not an outcome. */
  expect: 'claimed' | 'sold-out' | 'constant';
  /** The number of coupons. */
  coupons?: number;
  /** An existing coupon, without the number at the end of its name; by default new coupons are added. */
  existing?: string;
}

/** New users claim for some seconds. Resolves to figures only if every outcome is correct. */
export const runClaims = async (run: string, options: ClaimRun): Promise<Figures> => {
  const { client, running, connections, seconds, coupons = 1, expect, existing } = options;
  const couponPrefix = existing ?? `${run}-`;
  const names = namesOf(couponPrefix, coupons);
  const stock = expect === 'sold-out' ? { amount: 1, claimed: 1 } : { amount: PLENTY };
  if (!existing) await running.addStock({ names, ...stock });
  const before = (await running.store?.taken(names)) ?? 0;

  const { bearersFile, usersInTokens } = options;
  const request = { userPrefix: `${run}-u`, couponPrefix, coupons, bearersFile, usersInTokens };
  const probing = expect === 'sold-out' ? probe(() => checkSoldOut(running.url, names[0] as string, run)) : undefined;
  const watched = watch(running.processes);
  const result = await client.run({ url: running.url, connections, seconds, request });
  const cost = watched.end();
  const surprise = await probing?.end();

  await running.settle();
  const granted = result.requests - result.refused;
  const { audit, fault } = await recount(running, { names, before, granted, unseenMax: connections });
  const found = { ...(audit && { audit }), raw: result };
  const why = faultOf(options, result) ?? surprise ?? fault;
  return why ? { ...found, fault: why } : { ...found, ...figuresOf(result, cost) };
};

export const namesOf = (prefix: string, coupons: number): string[] =>
  Array.from({ length: coupons }, (_, index) => `${prefix}${index + 1}`);

const faultOf = ({ expect, running }: ClaimRun, result: LoadResult): string | undefined => {
  const { requests, refused, socketErrors, maxMs } = result;
  if (socketErrors > 0) return `${socketErrors} socket errors`;
  if (requests === 0) return 'no answer at all';
  if (expect === 'sold-out' && refused !== requests)
    return `${requests - refused} units granted although none remained`;
  if (expect !== 'sold-out' && refused > 0) return `${refused} refused of ${requests}`;
  // wrk does not distinguish 202 from 200, but no claim is answered 202 before this time.
  if (maxMs >= (running.pendingAfterMs ?? Number.POSITIVE_INFINITY))
    return `an answer took ${Math.round(maxMs)} ms and may have been "pending"`;
  return undefined;
};

/** Checks one answer in detail, because wrk does not distinguish errors. */
const checkSoldOut = async (url: string, coupon_name: string, run: string): Promise<string | undefined> => {
  const response = await fetch(`${url}/api/coupons/claim`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: `${run}-probe-${performance.now()}`, coupon_name }),
  });
  const { code } = (await response.json()) as { code?: string };
  return response.status === 400 && code === 'out_of_stock'
    ? undefined
    : `a caller was answered ${response.status} ${code}`;
};
