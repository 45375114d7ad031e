import { randomUUID } from 'node:crypto';
import { recount } from '@flashclaim/audit';
import { newCoupon, type SaleFields } from '@flashclaim/core';
import { ensureCollections, type Mongo } from '@flashclaim/store';
import { ObjectId } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clearFailPoint, setFailPoint, waitForFailPoint } from '../support/fail-point.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { runCommand } from '../support/run-command.ts';
import { openStores, type TestStores } from '../support/stores.ts';

const PAST = new Date('2026-01-01T00:00:00Z');
const FUTURE = new Date('2126-01-01T00:00:00Z');

/** A coupon with claims, of which the first was released, and its events. */
const addSale = async (mongo: Mongo, name: string, claims: number, sale: SaleFields = {}): Promise<ObjectId> => {
  const _id = new ObjectId();
  const counts = { remaining_amount: 5_000 - Math.max(0, claims - 1), issued: claims, event_count: claims > 0 ? 2 : 1 };
  await mongo.coupons.insertOne({ _id, ...newCoupon({ name, amount: 5_000 }, PAST), ...counts, ...sale });
  const claimOf = (index: number) => ({
    ...{ _id: randomUUID(), user_id: `user-${index}`, coupon_id: _id, coupon_name: name, claimed_at: PAST },
    sequence: index + 1,
    ...(index === 0 ? { state: 'released' as const, ended_at: PAST } : { ordinal: 1 as const }),
  });
  if (claims > 0) await mongo.claims.insertMany(Array.from({ length: claims }, (_, index) => claimOf(index)));
  const common = { coupon_id: _id, after_sequence: claims, at: PAST };
  await mongo.events.insertOne({ ...common, number: 1, type: 'coupon.changed', data: { amount: 5_000 } });
  if (claims > 0) await mongo.events.insertOne({ ...common, number: 2, type: 'claim.released', claim_id: 'first' });
  return _id;
};

const left = async ({ coupons, events, claims }: Mongo, coupon_id: ObjectId) => ({
  coupons: await coupons.countDocuments({ _id: coupon_id }),
  events: await events.countDocuments({ coupon_id }),
  claims: await claims.countDocuments({ coupon_id }),
});
const NOTHING = { coupons: 0, events: 0, claims: 0 };

const purgeAt = (env: NodeJS.ProcessEnv, ...options: string[]) =>
  runCommand('packages/maintenance/src/purge.ts', env, options);

describe('npm run purge', () => {
  let stores: TestStores;
  beforeEach(async () => {
    stores = await openStores();
  });
  afterEach(() => stores.close());
  const purge = (...options: string[]) => purgeAt(stores.env, ...options);

  test('shows what it would remove, and removes nothing without --yes', async () => {
    const id = await addSale(stores.mongo, 'over', 2_500, { ends_at: PAST });
    const { code, lines } = await purge('--coupon', 'over');
    expect(lines.slice(2)).toEqual([
      'documents  to remove',
      'coupons            1',
      'events             2',
      'claims         2,500',
      '',
      'Nothing was removed: add --yes to remove them.',
    ]);
    expect(code).toBe(0);
    expect(await left(stores.mongo, id)).toEqual({ coupons: 1, events: 2, claims: 2_500 });
  });

  test.each<[string, SaleFields]>([
    ['has ended', { ends_at: PAST }],
    ['is paused', { paused: true }],
  ])('removes a coupon that %s with its events and claims, and nothing else', async (_, sale) => {
    const other = await addSale(stores.mongo, 'other', 3, sale);
    const id = await addSale(stores.mongo, 'CAF\u00c9', 2_500, sale);
    const { code, lines } = await purge('--coupon', 'CAFE\u0301', '--yes');
    expect(lines.at(-1)).toMatch(/^claims +2,500$/);
    expect(code).toBe(0);
    expect(await left(stores.mongo, id)).toEqual(NOTHING);
    expect(await left(stores.mongo, other)).toEqual({ coupons: 1, events: 2, claims: 3 });
    expect(await recount(stores.mongo)).toMatchObject({ orphaned: 0 });
    expect((await purge('--coupon', 'CAF\u00c9', '--yes')).code).toBe(1);
  });

  test.each<[string, SaleFields]>([
    ['is open', {}],
    ['has not started', { starts_at: FUTURE }],
    ['ends later', { ends_at: FUTURE }],
  ])('refuses a coupon that %s', async (_, sale) => {
    const id = await addSale(stores.mongo, 'running', 3, sale);
    const { code, last } = await purge('--coupon', 'running', '--yes');
    expect(last).toBe('Nothing was removed. Its sale is not over: wait until it has ended, or pause it.');
    expect(code).toBe(1);
    expect(await left(stores.mongo, id)).toEqual({ coupons: 1, events: 2, claims: 3 });
  });

  test('removes what is left of a coupon that is gone, and keeps the new coupon of its name and a renamed one', async () => {
    const { mongo } = stores;
    const gone = await addSale(mongo, 'again', 3);
    await mongo.coupons.deleteOne({ _id: gone });
    const renamed = await addSale(mongo, 'again', 3);
    await mongo.coupons.updateOne({ _id: renamed }, { $set: { name: 'renamed' } });
    const present = await addSale(mongo, 'again', 3);
    const { code, text } = await purge('--coupon', 'again', '--yes');
    expect(text).toContain('The coupon itself is gone already');
    expect(code).toBe(0);
    expect(await left(mongo, gone)).toEqual(NOTHING);
    for (const id of [renamed, present]) expect(await left(mongo, id)).toEqual({ coupons: 1, events: 2, claims: 3 });
  });

  test('a coupon that does not exist has exit code 1, a missing option or a wrong setting 2', async () => {
    const unknown = await purge('--coupon', 'nothing', '--yes');
    expect(unknown).toMatchObject({ code: 1, last: expect.stringContaining('There is no such coupon') });
    expect(await purge('--yes')).toMatchObject({ code: 2, text: expect.stringContaining('--coupon NAME is missing') });
    expect((await purgeAt({ ...stores.env, MONGO_URI: 'localhost' }, '--coupon', 'a')).code).toBe(2);
  });
});

describe('a purge', () => {
  let stores: OwnStores;
  beforeAll(async () => {
    stores = await openOwnStores();
    await ensureCollections(stores.mongo.db);
  });
  afterAll(() => stores?.close());

  /** Before which of its delete commands: of the coupon, of its changes, of its other events, of two batches of claims. */
  test.each([0, 1, 2, 3, 4].flatMap((skip) => [[skip, 1_500] as const, ...(skip < 2 ? [[skip, 0] as const] : [])]))(
    'that is interrupted before delete %i, with %i claims, is completed when it is repeated',
    async (skip, claims) => {
      const { client } = stores.mongo;
      const id = await addSale(stores.mongo, 'over', claims, { paused: true });
      const data = { errorCode: 13 };
      await setFailPoint(client, { appName: 'flashclaim-purge', commands: ['delete'], skip, data });
      expect((await purgeAt(stores.env, '--coupon', 'over', '--yes')).code).toBe(2);
      await clearFailPoint(client);
      // Either nothing has happened, or nobody can claim.
      expect((await left(stores.mongo, id)).coupons).toBe(skip < 2 ? 1 : 0);
      expect((await purgeAt(stores.env, '--coupon', 'over', '--yes')).code).toBe(0);
      expect(await left(stores.mongo, id)).toEqual(NOTHING);
    },
  );

  test('whose coupon and a part of its claims another one removes meanwhile reports what it removed itself', async () => {
    const { client, coupons, events, claims } = stores.mongo;
    const id = await addSale(stores.mongo, 'twice', 2_500, { paused: true });
    const hits = await clearFailPoint(client);
    const data = { errorCode: 112, errorLabels: ['TransientTransactionError'] };
    await setFailPoint(client, { appName: 'flashclaim-purge', commands: ['delete'], data });
    const purge = purgeAt(stores.env, '--coupon', 'twice', '--yes');
    await waitForFailPoint(client, hits + 1);
    await coupons.deleteOne({ _id: id });
    await events.deleteMany({ coupon_id: id });
    await claims.deleteMany({ coupon_id: id, sequence: { $lte: 1_000 } });
    await clearFailPoint(client);
    const { code, lines, text } = await purge;
    expect(text).toContain('The coupon itself is gone already');
    expect(lines.slice(-3)).toEqual(['coupons          0', 'events           0', 'claims       1,500']);
    expect(code).toBe(0);
    expect(await left(stores.mongo, id)).toEqual(NOTHING);
  });
});
