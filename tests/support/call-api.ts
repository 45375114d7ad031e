import { type ClaimOutcome, type Coupon, createClient } from '@flashclaim/client';

export interface Reply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads bodies of every shape.
  body: any;
}

/** Sends JSON and reads JSON. A `body` that is a string is sent unchanged. */
export const call = async (url: string, method: string, body?: unknown, headers: Record<string, string> = {}) => {
  const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers: { ...json, ...headers }, ...payload });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined } as Reply;
};

export const createCoupon = async (url: string, name: string, amount: number): Promise<Coupon> => {
  const created = await createClient({ baseUrl: url }).createCoupon({ name, amount });
  if (created.outcome !== 'created') throw new Error(`coupon ${name} was not created: ${created.outcome}`);
  return created.coupon;
};

/** A coupon of an API without an admin token. There everybody reads the users, too. */
export const readCoupon = async (url: string, name: string): Promise<Required<Coupon>> => {
  const coupon = await createClient({ baseUrl: url }).coupon(name);
  if (!coupon?.claimed_by) throw new Error(`there is no coupon ${name}, or not its users`);
  return coupon as Required<Coupon>;
};

/** Claims with the client, with a new key. One attempt, so that the test sees a failure and the client does not retry. */
export const claimAsShop = (url: string, couponName: string, userId: string): Promise<ClaimOutcome> =>
  createClient({ baseUrl: url }).claim({ userId, couponName }, { attempts: 1 });

/** Claims by plain HTTP; without a key unless the headers have one. */
export const claim = (
  url: string,
  coupon_name: string,
  user_id: string,
  headers: Record<string, string> = {},
): Promise<Reply> => call(`${url}/api/coupons/claim`, 'POST', { coupon_name, user_id }, headers);

/** The number of replies with each status. */
export const countStatuses = (replies: readonly Reply[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of replies) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};
