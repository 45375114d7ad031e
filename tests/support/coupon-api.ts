import type { Mongo } from '@flashclaim/store';
import { afterAll, beforeAll } from 'vitest';
import { call, createCoupon, type Reply } from './call-api.ts';
import { grantUnits } from './grant-units.ts';
import { type System, startSystem } from './system.ts';

/** Two API processes, without workers, and calls for coupons. */
export interface CouponApi {
  url: string;
  mongo: Mongo;
  create(body: object): Promise<Reply>;
  change(name: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** Sends changes at the same time, to both processes by turns. */
  changeAll(name: string, bodies: readonly object[]): Promise<Reply[]>;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads bodies of every shape.
  read(name: string): Promise<any>;
  /** Creates a coupon of which `taken` users hold a unit. */
  createWith(name: string, amount: number, taken: number): Promise<void>;
  /** The coupon and its events, as they are stored. */
  stored(name: string): ReturnType<typeof readStored>;
}

/** Starts the processes for a test file. */
export const couponApiForFile = (): CouponApi => {
  const api = {} as CouponApi;
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ apis: 2, workers: 0 });
    const { mongo } = system.stores;
    const [url = ''] = system.urls;
    const change = (name: string, body: unknown, headers = {}, of = url) =>
      call(`${of}/api/coupons/${encodeURIComponent(name)}`, 'PATCH', body, headers);
    Object.assign(api, {
      url,
      mongo,
      create: (body) => call(`${url}/api/coupons`, 'POST', body),
      change: (name, body, headers) => change(name, body, headers),
      changeAll: (name, bodies) =>
        Promise.all(bodies.map((body, index) => change(name, body, {}, system.urls[index % 2]))),
      read: async (name) => (await call(`${url}/api/coupons/${encodeURIComponent(name)}`, 'GET')).body,
      createWith: async (name, amount, taken) => {
        await createCoupon(url, name, amount);
        const users = Array.from({ length: taken }, (_, index) => `user-${index}`);
        await grantUnits(mongo, name, users);
      },
      stored: (name) => readStored(mongo, name),
    } satisfies CouponApi);
  });
  afterAll(() => system?.close());
  return api;
};

const readStored = async ({ coupons, events }: Mongo, name: string) => {
  const coupon = await coupons.findOne({ name });
  const found = coupon ? await events.find({ coupon_id: coupon._id }, { sort: { number: 1 } }).toArray() : [];
  return { coupon, events: found };
};
