import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeRecount, recount } from '@flashclaim/audit';
import { newCoupon } from '@flashclaim/core';
import { openStoredMongo, startStores } from '@flashclaim/local-stack';
import { connectMongo, ensureCollections, type Mongo } from '@flashclaim/store';
import { ObjectId } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HistoryRecorder } from '../support/history.ts';
import { runAudit } from '../support/run-audit.ts';
import { openStores, type TestStores } from '../support/stores.ts';
import { type System, startSystem } from '../support/system.ts';

/** A coupon and its claims, as a sale leaves them. */
const addSale = async ({ coupons, claims }: Mongo, name: string, amount: number, users: readonly string[]) => {
  const coupon = { _id: new ObjectId(), ...newCoupon({ name, amount }, new Date()) };
  const remaining_amount = Math.max(0, amount - users.length);
  await coupons.insertOne({ ...coupon, remaining_amount, issued: users.length });
  if (users.length > 0) await claims.insertMany(users.map((user, index) => claimOf(coupon, user, index + 1)));
  return coupon;
};

const claimOf = (coupon: { _id: ObjectId; name: string }, user: string, sequence: number) => ({
  _id: randomUUID(),
  user_id: user,
  coupon_id: coupon._id,
  coupon_name: coupon.name,
  claimed_at: new Date(),
  sequence,
  ordinal: 1 as const,
});

/** Releases the claim of a user. */
const releaseOf = async ({ coupons, claims }: Mongo, name: string, user: string) => {
  const end = { $set: { state: 'released' as const, ended_at: new Date() }, $unset: { ordinal: '' as const } };
  await claims.updateOne({ coupon_name: name, user_id: user, ordinal: 1 }, end);
  await coupons.updateOne({ name }, { $inc: { remaining_amount: 1 } });
};

/** What `npm run audit` prints at its end, without the start of a process. */
const audited = async (mongo: Mongo) => {
  const text = describeRecount(await recount(mongo));
  const lines = text.split('\n');
  return { text, lines, last: lines.at(-1) };
};

/** Lets a test write what the validator of a collection forbids. */
const withoutValidator = ({ db }: Mongo, collMod: string) =>
  db.command({ collMod, validator: {}, validationLevel: 'off' });

describe('npm run audit', () => {
  let stores: TestStores;
  beforeEach(async () => {
    stores = await openStores();
  });
  afterEach(() => stores.close());

  test('an empty database: says so', async () => {
    const { code, text, last } = await runAudit(stores.env);
    expect(text).toContain('There are no coupons and no claims.');
    expect(last).toBe('oversold 0 · double 0 · lost 0 · orphaned 0');
    expect(code).toBe(0);
  });

  test('a clean database: a table that lines up, and exit code 0', async () => {
    await addSale(stores.mongo, 'plain', 1_000, ['a', 'b', 'c']);
    await addSale(stores.mongo, '票券🎟️', 2, ['a', 'b']);
    await addSale(stores.mongo, `long ${'x'.repeat(250)}`, 3, ['a']);
    for (let i = 0; i < 20; i++) await addSale(stores.mongo, `unsold ${i}`, 5, []);
    const { code, lines, last } = await runAudit(stores.env);
    const table = lines.slice(
      lines.findIndex((line) => line.startsWith('coupon')),
      lines.findIndex((line) => line.startsWith('and')) - 1,
    );
    expect(table.slice(0, 4)).toEqual([
      `coupon${' '.repeat(36)}amount  remaining  claims  oversold  double  lost  misnumbered`,
      `plain${' '.repeat(38)}1,000        997       3         0       0     0            0`,
      `票券🎟️${' '.repeat(41)}2          0       2         0       0     0            0`,
      `long ${'x'.repeat(34)}…       3          2       1         0       0     0            0`,
    ]);
    expect(table).toHaveLength(21);
    expect(lines).toContain('and 3 more coupons, each correct');
    expect(last).toBe('oversold 0 · double 0 · lost 0 · orphaned 0');
    expect(code).toBe(0);
  });

  test('released claims: they count no more, and their users may have another one', async () => {
    const sold = await addSale(stores.mongo, 'sold', 3, ['a', 'b', 'c']);
    for (const user of ['a', 'b']) await releaseOf(stores.mongo, 'sold', user);
    await stores.mongo.claims.insertOne(claimOf(sold, 'a', 4));
    await stores.mongo.coupons.updateOne({ _id: sold._id }, { $inc: { remaining_amount: -1, issued: 1 } });
    const { lines, last } = await audited(stores.mongo);
    expect(lines.find((line) => line.startsWith('sold'))).toMatch(/^sold +3 +1 +2 +0 +0 +0 +0$/);
    expect(last).toBe('oversold 0 · double 0 · lost 0 · orphaned 0');
  });

  test('wrong sequence numbers: it names them', async () => {
    await addSale(stores.mongo, 'faulty', 20, [...'abcdefghij']);
    await stores.mongo.claims.deleteMany({ user_id: { $in: ['b', 'e', 'f', 'j'] } });
    const { text, last } = await audited(stores.mongo);
    expect(text).toContain(
      'faulty: no claim has the number 2; no claims have the numbers 5 to 6; no claim has the number 10',
    );
    expect(last).toBe('oversold 0 · double 0 · lost 4 · orphaned 0 · misnumbered 4');
  });

  const mutations: [string, string, (mongo: Mongo) => Promise<unknown>][] = [
    [
      'oversold 2 · double 0 · lost 2 · orphaned 0',
      'five hold three units',
      (mongo) => addSale(mongo, 'faulty', 3, ['a', 'b', 'c', 'd', 'e']),
    ],
    [
      'oversold 0 · double 3 · lost 0 · orphaned 0',
      'one holds three units and another two',
      async (mongo) => {
        await mongo.claims.dropIndex('live_user_id_1_coupon_id_1');
        await addSale(mongo, 'faulty', 9, ['a', 'b', 'a', 'c', 'b', 'a']);
      },
    ],
    [
      'oversold 0 · double 0 · lost 3 · orphaned 0',
      'three units are gone',
      async (mongo) => {
        await addSale(mongo, 'faulty', 9, ['a', 'b']);
        await mongo.coupons.updateOne({ name: 'faulty' }, { $inc: { remaining_amount: -3 } });
      },
    ],
    [
      'oversold 0 · double 0 · lost 2 · orphaned 0',
      'two units are in stock and claimed',
      async (mongo) => {
        await addSale(mongo, 'faulty', 9, ['a', 'b']);
        await mongo.coupons.updateOne({ name: 'faulty' }, { $set: { remaining_amount: 9 } });
      },
    ],
    [
      'oversold 0 · double 0 · lost 0 · orphaned 2',
      'the coupon of two claims was deleted',
      async (mongo) => {
        await addSale(mongo, 'faulty', 9, ['a', 'b']);
        await mongo.coupons.deleteOne({ name: 'faulty' });
      },
    ],
    [
      'oversold 0 · double 0 · lost 0 · orphaned 3',
      'the coupon of three claims was renamed',
      async (mongo) => {
        await addSale(mongo, 'faulty', 9, ['a', 'b', 'c']);
        await mongo.coupons.updateOne({ name: 'faulty' }, { $set: { name: 'renamed' } });
      },
    ],
    [
      'oversold 0 · double 0 · lost 0 · orphaned 1',
      'a claim says another coupon',
      async (mongo) => {
        const faulty = await addSale(mongo, 'faulty', 9, ['a', 'b']);
        const other = await addSale(mongo, 'other', 9, []);
        await mongo.claims.updateOne({ coupon_id: faulty._id, user_id: 'a' }, { $set: { coupon_name: other.name } });
      },
    ],
    [
      'oversold 0 · double 0 · lost 0 · orphaned 0 · misnumbered 3',
      'a number is missing, one was never given, and two claims have the same',
      async (mongo) => {
        const faulty = await addSale(mongo, 'faulty', 9, ['a', 'b', 'c', 'd']);
        const number = (user: string, sequence: number) =>
          mongo.claims.updateOne({ coupon_id: faulty._id, user_id: user }, { $set: { sequence } });
        await number('b', 1);
        await number('c', 7);
        await mongo.coupons.updateOne({ _id: faulty._id }, { $set: { issued: 3 } });
        await number('d', 2);
      },
    ],
    [
      'oversold 0 · double 0 · lost 2 · orphaned 0 · misnumbered 2',
      'the claims of two users were deleted',
      async (mongo) => {
        await addSale(mongo, 'faulty', 9, ['a', 'b', 'c', 'd']);
        await mongo.claims.deleteMany({ coupon_name: 'faulty', user_id: { $in: ['b', 'd'] } });
      },
    ],
    [
      'oversold 0 · double 0 · lost 1 · orphaned 0 · misnumbered 1',
      'a released claim was deleted, and another one was released without its unit',
      async (mongo) => {
        await addSale(mongo, 'faulty', 9, ['a', 'b', 'c', 'd']);
        await releaseOf(mongo, 'faulty', 'a');
        await mongo.claims.deleteOne({ coupon_name: 'faulty', user_id: 'a' });
        await releaseOf(mongo, 'faulty', 'b');
        await mongo.coupons.updateOne({ name: 'faulty' }, { $inc: { remaining_amount: -1 } });
      },
    ],
    [
      'oversold 0 · double 0 · lost 1 · orphaned 0 · malformed 3',
      'a claim is both live and ended, one is neither, and one has no state',
      async (mongo) => {
        await addSale(mongo, 'faulty', 9, ['a', 'b', 'c', 'd']);
        await releaseOf(mongo, 'faulty', 'd');
        await withoutValidator(mongo, 'claims');
        await mongo.claims.updateOne({ coupon_name: 'faulty', user_id: 'a' }, { $set: { ended_at: new Date() } });
        await mongo.claims.updateOne({ coupon_name: 'faulty', user_id: 'b' }, { $unset: { ordinal: '' } });
        await mongo.claims.updateOne({ coupon_name: 'faulty', user_id: 'd' }, { $unset: { state: '' } });
      },
    ],
    [
      'oversold 1 · double 2 · lost 4 · orphaned 1',
      'all of it at once',
      async (mongo) => {
        await mongo.claims.dropIndex('live_user_id_1_coupon_id_1');
        await addSale(mongo, 'faulty', 1, ['a', 'a']);
        await addSale(mongo, 'faulty too', 5, ['a', 'b', 'b']);
        await mongo.coupons.updateOne({ name: 'faulty too' }, { $set: { remaining_amount: 5 } });
        const gone = await addSale(mongo, 'gone', 5, ['a']);
        await mongo.coupons.deleteOne({ _id: gone._id });
      },
    ],
  ];

  test.each(mutations)('%s: %s', async (line, _, mutate) => {
    await addSale(stores.mongo, 'sound', 100, ['a', 'b', 'c', 'd', 'e', 'f']);
    await mutate(stores.mongo);
    const { text, last } = await audited(stores.mongo);
    expect(last).toBe(line);
    // Which coupon, and what to do.
    expect(text).toMatch(/^.*faulty .*\d$/m);
    expect(text).not.toMatch(/^sound /m);
    const advice = text.slice(text.indexOf('What to do'));
    for (const [, kind, number] of line.matchAll(/(\w+) (\d+)/g))
      expect({ kind, advised: new RegExp(`^${kind}  `, 'm').test(advice) }).toEqual({
        kind,
        advised: Number(number) > 0,
      });
  });

  test('what it found is there for Prometheus, too, and stays where nothing could be recounted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flashclaim-audit-'));
    const AUDIT_METRICS_FILE = join(folder, 'audit.prom');
    await addSale(stores.mongo, 'faulty', 3, ['a', 'b', 'c', 'd', 'e']);
    const before = Date.now();
    const { code, text: printed } = await runAudit({ ...stores.env, AUDIT_METRICS_FILE });
    expect(code).toBe(1);
    expect(printed).toContain((await audited(stores.mongo)).text);
    const text = await readFile(AUDIT_METRICS_FILE, 'utf8');
    expect(text.split('\n').filter((line) => line.startsWith('flashclaim_audit_faults'))).toEqual([
      'flashclaim_audit_faults{kind="oversold"} 2',
      'flashclaim_audit_faults{kind="double"} 0',
      'flashclaim_audit_faults{kind="lost"} 2',
      'flashclaim_audit_faults{kind="orphaned"} 0',
      'flashclaim_audit_faults{kind="misnumbered"} 0',
      'flashclaim_audit_faults{kind="malformed"} 0',
    ]);
    const seconds = Number(/^flashclaim_audit_timestamp_seconds (\S+)$/m.exec(text)?.[1]);
    expect(seconds * 1_000).toBeGreaterThanOrEqual(before);
    expect((await runAudit({ MONGO_URI: 'mongodb://127.0.0.1:1', AUDIT_METRICS_FILE })).code).toBe(2);
    expect(await readFile(AUDIT_METRICS_FILE, 'utf8')).toBe(text);
    await rm(folder, { recursive: true });
  });

  test('a history with releases and changes is compared with the documents', async () => {
    const { mongo, env } = stores;
    await addSale(mongo, 'sold', 3, ['a', 'b']);
    await releaseOf(mongo, 'sold', 'a');
    const claims = await mongo.claims.find().sort({ sequence: 1 }).toArray();
    const times = { invokedAt: 1, answeredAt: 5, status: 200 };
    const history: object[] = claims.map(({ _id, user_id, sequence, claimed_at }) => {
      const unit = { claimId: _id, sequence, claimedAt: claimed_at.getTime() };
      return { op: 'claim', ...times, user: user_id, coupon: 'sold', ...unit };
    });
    const [ended] = claims;
    const released = { op: 'release', ...times, claimId: ended?._id, endedAt: ended?.ended_at?.getTime() };
    const change = { op: 'settings', ...times, coupon: 'sold', set: { amount: 3, paused: false }, version: 1 };
    const list = { op: 'list', ...times, of: 'claims', coupon: 'sold', only: 'claimed', pages: [[claims[1]?._id]] };
    const folder = await mkdtemp(join(tmpdir(), 'flashclaim-audit-'));
    const judge = async (records: readonly object[]) => {
      const file = join(folder, 'history.jsonl');
      await writeFile(file, records.map((record) => JSON.stringify(record)).join('\n'));
      const { code, last } = await runAudit(env, ['--history', file]);
      return { code, last };
    };
    expect(await judge([...history, released, change, list])).toEqual({
      code: 0,
      last: 'records 5 · coupons 1 · violations 0',
    });
    expect(await judge([...history, change, list])).toEqual({ code: 1, last: 'records 4 · coupons 1 · violations 1' });
    const again = { ...released, claimId: claims[1]?._id };
    expect(await judge([...history, released, again])).toMatchObject({ code: 1 });
    await rm(folder, { recursive: true });
  });

  test('nothing is written', async () => {
    const { mongo, env } = stores;
    await addSale(mongo, 'sold', 3, ['a', 'b']);
    await mongo.db.command({ profile: 2 });
    await runAudit(env);
    await mongo.db.command({ profile: 0 });
    const profiled = await mongo.db.collection('system.profile').distinct('op', { appName: 'flashclaim-audit' });
    expect(profiled.sort()).toEqual(['command', 'query']);
  });

  test('no recount: a sentence, and another exit code than that of a fault', async () => {
    const { code, text } = await runAudit({ ...stores.env, MONGO_URI: 'localhost:27017' });
    expect(text).toMatch(/^audit: The setting MONGO_URI is \(not shown\), but it must .*\.$/);
    expect(code).toBe(2);
  });
});

describe('during a sale', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
  });
  afterAll(() => system?.close());

  test('every recount is exact, also of a coupon whose claims take a while to count', async () => {
    const url = system.urls[0] as string;
    const before = Array.from({ length: 10_000 }, (_, i) => `early-${i}`);
    await addSale(system.stores.mongo, 'hot', 1_000_000, before);
    let over = false;
    let claimed = 0;
    const history = new HistoryRecorder();
    const callers = Array.from({ length: 32 }, async (_, caller) => {
      for (let i = 0; !over; i++)
        if ((await history.claim(url, 'hot', `user-${caller}-${i}`)).status === 200) claimed++;
    });
    const counts: number[] = [];
    // Claims are committed during each recount, and so between most of them.
    while (new Set(counts).size < 6) {
      const { claims, faulty, orphans } = await recount(system.stores.mongo);
      expect({ faulty, orphans }).toEqual({ faulty: [], orphans: [] });
      counts.push(claims);
    }
    over = true;
    await Promise.all(callers);
    expect((await recount(system.stores.mongo, { names: ['hot'] })).claims).toBe(before.length + claimed);
  });
});

describe('npm run audit -- --history', () => {
  let system: System;
  let file: string;
  beforeAll(async () => {
    system = await startSystem();
    const [url] = system.urls as [string];
    const history = new HistoryRecorder();
    await history.create(url, 'told', 3);
    await history.claim(url, 'told', 'f', { prefer: 'respond-async' });
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((user) => history.claim(url, 'told', user, { key: user })));
    expect(await history.check(system)).toEqual([]);
    await history.read(url, 'told');
    file = history.write();
  });
  afterAll(async () => {
    await system?.close();
    if (file) await rm(dirname(file), { recursive: true });
  });
  const compareWith = (path: string) => runAudit(system.stores.env, ['--history', path]);

  test('a history in which all is true: exit code 0', async () => {
    const { code, text, last } = await compareWith(file);
    expect(text).toContain(`Comparing ${file} with`);
    expect(last).toMatch(/^records \d+ · coupons 1 · violations 0$/);
    expect(code).toBe(0);
  });

  test('a user was answered that they have a unit, and has none: it says so, with exit code 1', async () => {
    const lie = {
      op: 'claim',
      invokedAt: 1,
      answeredAt: 2,
      user: 'liar',
      coupon: 'told',
      status: 200,
      claimId: 'none',
    };
    await appendFile(file, `${JSON.stringify(lie)}\n`);
    const { code, lines, last } = await compareWith(file);
    expect(lines).toContain(
      '  liar was granted "told" by the claim none, but there is no such claim; a durable claim expected',
    );
    expect(last).toMatch(/^records \d+ · coupons 1 · violations [1-9]\d*$/);
    expect(code).toBe(1);
  });

  test('a final status changed into another: it says so, and exit code 1', async () => {
    const records = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
    const pending = records.map((line) => JSON.parse(line)).find(({ status }) => status === 202);
    const { user, coupon, claimId } = pending;
    const times = { invokedAt: pending.answeredAt + 60_000, answeredAt: pending.answeredAt + 60_001 };
    const lie = { op: 'status', ...times, claimId, user, coupon, status: 200, code: 'timed_out' };
    await appendFile(file, `${JSON.stringify(lie)}\n`);
    const { code, lines } = await compareWith(file);
    expect(lines).toContain(`  the claim ${claimId} was claimed, and then refused (timed_out); no change expected`);
    expect(code).toBe(1);
  });

  test('no history, no file, no such option: a sentence, and exit code 2', async () => {
    await appendFile(file, '{"op":"claim"}\n');
    const broken = await compareWith(file);
    expect(broken).toMatchObject({
      code: 2,
      last: expect.stringMatching(/^audit: .*: line \d+ is not a record of a history\.$/),
    });
    const missing = await compareWith(join(dirname(file), 'missing'));
    expect(missing).toMatchObject({ code: 2, last: expect.stringMatching(/^audit: .*missing can't be read: ENOENT/) });
    const unknown = await runAudit(system.stores.env, ['--told', file]);
    expect(unknown).toMatchObject({ code: 2, last: expect.stringContaining('npm run audit [-- --history FILE]') });
  });
});

// Where the environment names a MongoDB, none is started by us, and so none is found.
describe.skipIf(process.env['MONGO_URI'])('the MongoDB of npm start', () => {
  test('is found where it runs, started on its data where it does not, and missed where there are none', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-test-'));
    try {
      expect(await openStoredMongo(dataDir)).toBeUndefined();
      const stores = await startStores({ dataDir });
      const mongo = await connectMongo(stores.mongoUri, 'kept', {});
      await ensureCollections(mongo.db);
      await addSale(mongo, 'sold', 3, ['a', 'b']);
      const running = await openStoredMongo(dataDir);
      expect(running).toMatchObject({ uri: stores.mongoUri, running: true });
      await mongo.client.close();
      await stores.stop();

      const stored = await openStoredMongo(dataDir);
      expect(stored?.running).toBe(false);
      const again = await connectMongo(stored?.uri as string, 'kept', {});
      expect(await recount(again)).toMatchObject({ coupons: 1, claims: 2, faulty: [] });
      await again.client.close();
      await stored?.stop();
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
