import { setTimeout as sleep } from 'node:timers/promises';
import { LIVE_COUPONS_MAX, LIVE_FRAME_EVERY_MS, newCoupon } from '@flashclaim/core';
import { JOB_NAME, laneName, lanePrefix } from '@flashclaim/lanes';
import { Queue } from 'bullmq';
import { ObjectId } from 'mongodb';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { claim, createCoupon } from '../support/call-api.ts';
import { newClaim } from '../support/documents.ts';
import { openStream } from '../support/live-stream.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const PAGES = 20;

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ apis: 2 });
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

test('one reader reads for all pages, and none where no page is open', async () => {
  await createCoupon(url, 'read', 5);
  const { db } = system.stores.mongo;
  const reads = () =>
    db
      .collection('system.profile')
      .countDocuments({ appName: 'flashclaim-api', ns: `${db.databaseName}.coupons`, op: 'query' });
  await db.command({ profile: 2 });
  const streams = await Promise.all(Array.from({ length: PAGES }, () => openStream(url)));
  const before = await reads();
  const FRAMES = 6;
  await Promise.all(
    streams.map(async (stream) => {
      for (let frame = 0; frame < FRAMES; frame++) await stream.next();
    }),
  );
  const perFrame = ((await reads()) - before) / FRAMES;
  // The stock in each frame, what to show in every third, and some that came in between.
  expect(perFrame).toBeGreaterThan(0);
  expect(perFrame).toBeLessThan(4);

  await Promise.all(streams.map((stream) => stream.close()));
  let after = -1;
  await until(async () => {
    const now = await reads();
    const isQuiet = now === after;
    after = now;
    // Longer than a reader would be silent.
    await sleep(4 * LIVE_FRAME_EVERY_MS);
    return isQuiet;
  });
  await db.command({ profile: 0 });
});

test('the stock is that of all API processes, the answers are those of one', async () => {
  const [first, second] = system.urls as [string, string];
  await createCoupon(first, 'both', 10);
  const stream = await openStream(first);
  await stream.next();
  await Promise.all([claim(first, 'both', 'a'), claim(second, 'both', 'b'), claim(second, 'both', 'c')]);
  let frame = await stream.next();
  const both = () => frame.coupons.shown.find((coupon: { name: string }) => coupon.name === 'both');
  await until(async () => {
    frame = await stream.next();
    return both().remaining === 7;
  });
  const others = Object.values<number>(frame.answers.total).reduce((sum, count) => sum + count, -1);
  expect([frame.answers.total.claimed, others]).toEqual([1, 0]);
  await stream.close();
});

test('the coupons that were claimed or created last are shown, newest first, and a page that connects later receives all', async () => {
  await createCoupon(url, 'old and busy', 100);
  for (let i = 0; i < LIVE_COUPONS_MAX; i++) await createCoupon(url, `new ${i}`, 1);
  await claim(url, 'old and busy', 'somebody');
  const stream = await openStream(url);
  const newest = Array.from({ length: LIVE_COUPONS_MAX - 1 }, (_, i) => `new ${LIVE_COUPONS_MAX - 1 - i}`);
  let names: string[] = [];
  // The reader may be the one of a page of before, and looks once a second which coupons to show.
  await until(async () => {
    names = (await stream.next()).coupons.shown.map((coupon: { name: string }) => coupon.name);
    return names.includes('old and busy');
  });
  expect(names).toEqual([...newest, 'old and busy']);

  const claims = claim(url, 'old and busy', 'somebody else');
  let steps: number[][] = [];
  await until(async () => {
    // The last step is not over.
    steps = (await stream.next()).steps.slice(0, -1);
    // One, or two where another claim was granted in the same step.
    return steps.some(([, claimed = 0]) => claimed > 0);
  });
  await claims;
  const late = await openStream(url);
  const history = (await late.next()).steps;
  expect(history).toEqual(expect.arrayContaining(steps));
  await Promise.all([stream.close(), late.close()]);
});

test('a frame has the answers that it counts also in its steps, before the last step is over', async () => {
  const stream = await openStream(url);
  await createCoupon(url, 'in steps', 5);
  const steps = new Map<number, number>();
  const counts: number[][] = [];
  const readFrame = async (): Promise<number> => {
    const frame = await stream.next();
    for (const [begin, claimed] of frame.steps) steps.set(begin, claimed);
    const total: number = frame.answers.total.claimed;
    counts.push([total, [...steps.values()].reduce((sum, claimed) => sum + claimed, 0)]);
    return total;
  };
  const before = await readFrame();
  for (const user of ['a', 'b', 'c']) {
    await claim(url, 'in steps', user);
    await readFrame();
  }
  await until(async () => (await readFrame()) === before + 3);
  for (const [total, inSteps] of counts) expect(inSteps).toBe(total);
  await stream.close();
});

test('a lane of another number of lanes is shown as long as it has jobs', async () => {
  const queue = new Queue(laneName(30), { connection: system.stores.redis, prefix: lanePrefix(30) });
  await queue.pause();
  await queue.add(JOB_NAME, 'poison');
  const stream = await openStream(url);
  const told = async () => (await stream.next()).lanes?.find(({ lane }: { lane: number }) => lane === 30);
  await until(async () => (await told())?.waiting === 1);
  await queue.obliterate();
  await until(async () => (await told()) === undefined);
  await stream.close();
  await queue.close();
});

describe('the coupon at the top', () => {
  /**
   * Inserts a coupon of 200 units, of which these were granted, one in each millisecond until a minute from now: so it sells,
   * however long the test takes.
   */
  const insertSold = async (name: string, issued: number, remaining = 200 - issued): Promise<string> => {
    const { coupons, claims } = system.stores.mongo;
    const [now, end] = [new Date(), Date.now() + 60_000];
    const coupon = { _id: new ObjectId(), name };
    const granted = Array.from({ length: issued }, (_, i) =>
      newClaim(coupon, i + 1, { claimed_at: new Date(end - issued + i) }),
    );
    // The claims first: a frame never has the coupon without them.
    await claims.insertMany(granted);
    await coupons.insertOne({
      ...newCoupon({ name, amount: 200 }, now),
      ...coupon,
      remaining_amount: remaining,
      issued,
    });
    onTestFinished(async () => void (await coupons.deleteOne({ _id: coupon._id })));
    return coupon._id.toHexString();
  };
  /** Resolves to the first frame with this coupon at the top: the reader may be that of a page of before, with another one. */
  const frameOf = async (couponId: string) => {
    const stream = await openStream(url);
    onTestFinished(() => stream.close());
    let frame = await stream.next();
    await until(async () => {
      if (frame.sale?.couponId === couponId) return true;
      frame = await stream.next();
      return false;
    });
    return frame;
  };

  test('is the one that sells: its first frame has its rate, and its curve from the first claim to the last', async () => {
    const couponId = await insertSold('sells', 150);
    const { sale, coupons } = await frameOf(couponId);
    expect(coupons.shown.find(({ id }: { id: string }) => id === couponId).claimsPerSecond).toBeGreaterThan(100);
    const left = sale.points.map(([, units]: number[]) => units);
    expect([left[0], left.at(-1)]).toEqual([199, 50]);
    expect(left).toEqual(left.toSorted((a: number, b: number) => b - a));
    expect(left.length).toBeGreaterThan(20);
    expect(left.length).toBeLessThanOrEqual(64);
    expect(sale.points.at(-1)[0] - sale.points[0][0]).toBe(149);
  });

  test('has a curve that ends at its amount, also where released units are free again', async () => {
    const couponId = await insertSold('sold again', 150, 200);
    const { sale } = await frameOf(couponId);
    expect(Math.max(...sale.points.map(([, units]: number[]) => units))).toBe(200);
  });

  test('has the answers of this process about it alone', async () => {
    const stream = await openStream(url);
    await stream.next();
    await createCoupon(url, 'answered', 1);
    for (const user of ['first', 'second', 'first', 'third']) await claim(url, 'answered', user);
    let frame = await stream.next();
    const top = () => frame.coupons.shown.find(({ id }: { id: string }) => id === frame.sale.couponId)?.name;
    await until(async () => {
      frame = await stream.next();
      return top() === 'answered' && frame.sale.answers?.refused === 3;
    });
    expect(frame.sale.answers.p99Ms).toBeGreaterThan(0);
    await stream.close();
  });
});
