import { randomUUID } from 'node:crypto';
import { type Claim, type NewCoupon, newCoupon } from '@flashclaim/core';
import { connectMongo, type Mongo } from '@flashclaim/store';
import { CouponCache } from '@flashclaim/worker';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectExact } from '../support/expect-exact.ts';
import { commitJob, jobOf } from '../support/job-of.ts';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
let mongo: Mongo;
/** Another worker has a connection of its own. */
let other: Mongo;
beforeEach(async () => {
  stores = await openStores();
  mongo = stores.mongo;
  other = await connectMongo(stores.env.MONGO_URI, stores.env.MONGO_DB, {});
});
afterEach(async () => {
  await other.client.close();
  await stores.close();
});

const COUPON = 'coupon';
const addCoupon = (amount: number, name = COUPON, rest: Partial<NewCoupon> = {}) =>
  mongo.coupons.insertOne(newCoupon({ name, amount, ...rest }, new Date()));
const couponOf = async (name = COUPON) => await mongo.coupons.findOne({ name });

const claimOf = (userId: string, couponName = COUPON): Claim => ({ id: randomUUID(), userId, couponName });
const releaseOf = (claim: Claim): Claim => ({ ...claim, operation: 'release' });

const commit = async (batch: readonly Claim[], from = mongo, cache?: CouponCache) =>
  commitJob(from, await jobOf(from, batch), cache);
const decisionsOf = async (...run: Parameters<typeof commit>) => (await commit(...run)).map(({ decision }) => decision);

describe('a release', () => {
  test('returns the unit, keeps the claim with its end, and lets the user claim again with the next number', async () => {
    await addCoupon(1);
    const first = claimOf('user');
    const [granted] = await commit([first, claimOf('late')]);
    const list = [claimOf('early'), releaseOf(first), claimOf('user'), claimOf('late')];
    const decided = await commit(list);
    expect(decided.map(({ decision }) => decision)).toEqual(['out_of_stock', 'released', 'claimed', 'out_of_stock']);
    expect(granted).toMatchObject({ sequence: 1 });
    expect(decided[1]).toEqual({ ...granted, decision: 'released', endedAt: decided[2]?.claimedAt });
    expect(decided[2]).toMatchObject({ sequence: 2 });

    expect(await mongo.claims.find().sort({ sequence: 1 }).toArray()).toMatchObject([
      { _id: first.id, state: 'released', ended_at: expect.any(Date), sequence: 1 },
      { _id: list[2]?.id, ordinal: 1, sequence: 2 },
    ]);
    expect(await couponOf()).toMatchObject({ remaining_amount: 0, issued: 2, event_count: 1 });
    expect(await mongo.events.find().toArray()).toMatchObject([
      { number: 1, after_sequence: 1, type: 'claim.released', claim_id: first.id, at: expect.any(Date) },
    ]);
    await expectExact(mongo);
  });

  test('that many workers run at once returns the unit once', async () => {
    await addCoupon(3);
    const claim = claimOf('user');
    await commit([claim]);
    const runs = await Promise.all([mongo, other, mongo, other].map((from) => decisionsOf([releaseOf(claim)], from)));
    expect(runs.flat()).toEqual(Array(4).fill('released'));
    expect(await couponOf()).toMatchObject({ remaining_amount: 3, issued: 1, event_count: 1 });
    await expectExact(mongo);
  });

  test('and claims of the same user at once: either order is right, and no unit is lost', async () => {
    await addCoupon(5);
    for (let round = 0; round < 20; round++) {
      const claim = claimOf(`user ${round}`);
      await commit([claim]);
      const again = claimOf(`user ${round}`);
      const [released, claimed] = await Promise.all([decisionsOf([releaseOf(claim)]), decisionsOf([again], other)]);
      expect(released).toEqual(['released']);
      expect(['claimed', 'already_claimed']).toContain(claimed[0]);
      await expectExact(mongo);
      if (claimed[0] === 'claimed') await commit([releaseOf(again)]);
    }
    expect(await couponOf()).toMatchObject({ remaining_amount: 5 });
  });

  test('whose job runs again has the same result, and the job of the claim grants it no second time', async () => {
    await addCoupon(2);
    const claim = claimOf('user');
    const claiming = await jobOf(mongo, [claim]);
    const granted = await commitJob(mongo, claiming);
    const releasing = await jobOf(mongo, [releaseOf(claim)]);
    const released = await commitJob(mongo, releasing);
    expect(await commitJob(other, releasing)).toEqual(released);
    expect(await commitJob(other, claiming)).toEqual(granted);
    // Also where the record of the job is gone: the claim's id exists.
    await mongo.jobRecords.deleteMany({});
    expect(await commitJob(other, { ...claiming, id: randomUUID() })).toMatchObject([{ decision: 'claim_released' }]);
    expect(await couponOf()).toMatchObject({ remaining_amount: 2, issued: 1 });
    await expectExact(mongo);
  });

  test('under a key: a retry of the claim is refused as released, and with a new key the user gets a unit', async () => {
    await addCoupon(2);
    const keyed: Claim = { ...claimOf('user'), requestId: 'request 1' };
    await commit([keyed]);
    await commit([releaseOf(keyed)]);
    const again = { ...keyed, requestId: 'request 2' };
    expect(await commit([again])).toEqual([{ ...(await commit([again]))[0], decision: 'claim_released' }]);
    expect(await decisionsOf([{ ...claimOf('user'), requestId: 'request 3' }])).toEqual(['claimed']);
    await expectExact(mongo);
  });

  test('of a claim under a key: a retry beside a new claim of the user is refused as released, also in a prediction', async () => {
    await addCoupon(9);
    const cache = new CouponCache();
    const keyed: Claim = { ...claimOf('user'), requestId: 'request 1' };
    await commit([keyed], mongo, cache);
    await commit([releaseOf(keyed)], mongo, cache);
    await commit([claimOf('another')], mongo, cache);
    expect(cache.predict([claimOf('user')])).toMatchObject({ contested: false });
    const list = [claimOf('user'), { ...keyed, requestId: 'request 2' }];
    expect(await decisionsOf(list, mongo, cache)).toEqual(['claimed', 'claim_released']);
    await expectExact(mongo);
  });

  test('of several coupons in one job, between claims, numbers each coupon without a gap', async () => {
    await Promise.all([addCoupon(2, 'a'), addCoupon(3, 'b'), addCoupon(1, 'c')]);
    const [a, b] = [claimOf('user', 'a'), claimOf('user', 'b')];
    await commit([a, b]);
    const cache = new CouponCache();
    const list = [releaseOf(a), claimOf('x', 'a'), claimOf('y', 'a'), releaseOf(b), releaseOf(a), claimOf('x', 'c')];
    expect(await decisionsOf(list, mongo, cache)).toEqual([
      'released',
      'claimed',
      'claimed',
      'released',
      'released',
      'claimed',
    ]);
    const sequences = await mongo.claims.find({ coupon_name: 'a' }).sort({ sequence: 1 }).toArray();
    expect(sequences.map(({ user_id, sequence }) => [user_id, sequence])).toEqual([
      ['user', 1],
      ['x', 2],
      ['y', 3],
    ]);
    expect(await couponOf('b')).toMatchObject({ remaining_amount: 3, issued: 1, event_count: 1 });
    await expectExact(mongo);
  });

  test('after a replay of the claim in the same job leaves the replay a live claim', async () => {
    await addCoupon(1);
    const keyed: Claim = { ...claimOf('user'), requestId: 'request 1' };
    const [granted] = await commit([keyed]);
    const decided = await commit([{ ...keyed, requestId: 'request 2' }, releaseOf(keyed)]);
    expect(decided).toEqual([
      { ...granted, decision: 'replayed' },
      { ...granted, decision: 'released', endedAt: expect.any(Number) },
    ]);
  });

  test('pays only for the claims after it, also where a worker predicts more units than remain', async () => {
    await addCoupon(10);
    const cache = new CouponCache();
    const held = [claimOf('x'), claimOf('y')];
    await commit(held, mongo, cache);
    await mongo.coupons.updateOne({ name: COUPON }, { $set: { amount: 3, remaining_amount: 1 } });
    const list = [claimOf('a'), claimOf('b'), claimOf('c'), ...held.map(releaseOf)];
    expect(await decisionsOf(list, mongo, cache)).toEqual([
      'claimed',
      'out_of_stock',
      'out_of_stock',
      'released',
      'released',
    ]);
    await expectExact(mongo);
  });

  test('of a claim that does not exist changes nothing', async () => {
    await addCoupon(1);
    expect(await decisionsOf([releaseOf(claimOf('user'))])).toEqual(['claim_not_found']);
    expect(await decisionsOf([releaseOf(claimOf('user', 'no coupon'))])).toEqual(['claim_not_found']);
    expect(await couponOf()).toMatchObject({ remaining_amount: 1, event_count: 0 });
  });
});

describe('a closed coupon', () => {
  /** A cache that knows the coupon, and predicts it without a read. */
  const knowing = async (name = COUPON): Promise<CouponCache> => {
    const cache = new CouponCache();
    await commit([claimOf('first', name)], mongo, cache);
    expect(cache.predict([claimOf('second', name)])).toBeDefined();
    return cache;
  };
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000);
  const change = (fields: object) => mongo.coupons.updateOne({ name: COUPON }, { $set: fields, $inc: { version: 1 } });

  test.each([
    ['paused', { paused: true }],
    ['not_started', { starts_at: inHours(1) }],
    ['ended', { ends_at: inHours(-1) }],
    ['ended', { ends_at: inHours(-1), paused: true }],
    ['paused', { paused: true, starts_at: inHours(1) }],
  ])('grants nothing (%s), also where a worker predicts it as open', async (reason, fields) => {
    await addCoupon(9);
    const cache = await knowing();
    await change(fields);
    expect(await decisionsOf([claimOf('user'), claimOf('first')], mongo, cache)).toEqual([reason, 'already_claimed']);
    // A closed coupon is not predicted: the next claim would be contradicted as well.
    expect(cache.predict([claimOf('user')])).toBeUndefined();
    expect(await decisionsOf([claimOf('user')])).toEqual([reason]);
    await expectExact(mongo);
  });

  test('is decided for each coupon of a job, also where several are predicted', async () => {
    await Promise.all([addCoupon(9), addCoupon(9, 'open')]);
    const cache = await knowing();
    await commit([claimOf('first', 'open')], mongo, cache);
    await change({ paused: true });
    expect(await decisionsOf([claimOf('user'), claimOf('user', 'open')], mongo, cache)).toEqual(['paused', 'claimed']);
    await expectExact(mongo);
  });

  test('opens at its start and closes at its end by database time', async () => {
    await addCoupon(1_000_000);
    const cache = await knowing();
    let seen = new Set<string>();
    // Where the machine is too slow to see each state, the next sale is longer.
    for (let ms = 300; ms < 30_000 && seen.size < 3; ms *= 3) {
      const [start, end] = [Date.now() + ms, Date.now() + 2 * ms];
      await change({ starts_at: new Date(start), ends_at: new Date(end) });
      seen = new Set();
      while (!seen.has('ended')) {
        const [one] = await commit([claimOf(randomUUID())], mongo, cache);
        if (!one) throw new Error('nothing was decided');
        seen.add(one.decision);
        // The claim's own time is the time of the decision.
        if (one.claimedAt !== undefined) expect(one.claimedAt >= start && one.claimedAt < end).toBe(true);
      }
    }
    expect([...seen]).toEqual(['not_started', 'claimed', 'ended']);
    await expectExact(mongo);
  });
});
