import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, type TestContext, test } from 'vitest';
import { FaultLoad } from '../support/fault-load.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const LINKS = ['worker and MongoDB', 'worker and Redis', 'API and Redis'] as const;
type Link = (typeof LINKS)[number];

/** A reset is over at once; silence is kept for longer than a lock. */
const AWAY_MS = 4_000;

let stores: OwnStores;
let system: System;
let links: Record<Link, TcpProxy>;
beforeAll(async () => {
  stores = await openOwnStores();
  const { mongo, redis } = stores.servers;
  links = {
    'worker and MongoDB': await openTcpProxy(mongo.port),
    'worker and Redis': await openTcpProxy(redis.port),
    'API and Redis': await openTcpProxy(redis.port),
  };
  system = await startSystem({ stores, apis: 0, workers: 0, env: { LOG_LEVEL: 'silent' } });
  await system.addWorker({
    // Direct, or the driver would go round the link to the member that the replica set names.
    MONGO_URI: `mongodb://127.0.0.1:${links['worker and MongoDB'].port}/?directConnection=true`,
    REDIS_URL: `redis://127.0.0.1:${links['worker and Redis'].port}`,
  });
  await system.addApi({ REDIS_URL: `redis://127.0.0.1:${links['API and Redis'].port}` });
});
afterAll(async () => {
  await system?.close();
  for (const link of Object.values(links ?? {})) await link.close();
});

describe.for(LINKS)('between %s', (link) => {
  test('connections are reset, five times', { tags: ['slow'] }, async ({ task }) => {
    const load = new FaultLoad({ system, coupon: `reset/${link.replaceAll(' ', '-')}`, test: task });
    await load.start();
    const inject = async () => {
      for (let time = 0; time < 5; time++) {
        links[link].reset();
        await load.randomMoment();
      }
    };
    await load.through(`resets between ${link}`, inject, async () => {});
    await load.expectConsistent();
  });

  const loses = async (what: 'everything' | 'to the server' | 'from the server', task: TestContext['task']) => {
    const coupon = `${what} ${link}`.replaceAll(' ', '-');
    const load = new FaultLoad({ system, coupon, test: task });
    await load.start();
    const inject = async () => {
      links[link].lose(what);
      await sleep(AWAY_MS);
    };
    // Bytes are missing now from every connection that was used meanwhile: as after a real cut, none of them may go on.
    await load.through(`lost between ${link}: ${what}`, inject, async () => {
      links[link].lose('nothing');
      links[link].reset();
    });
    await load.expectConsistent();
  };
  test('everything gets lost', ({ task }) => loses('everything', task));
  test.for(['to the server', 'from the server'] as const)(
    'what goes %s gets lost',
    { tags: ['slow'] },
    (what, { task }) => loses(what, task),
  );

  test('open connections are forgotten without a word', async ({ task }) => {
    const load = new FaultLoad({ system, coupon: `forgotten/${link.replaceAll(' ', '-')}`, test: task });
    await load.start();
    await load.through(
      `forgotten between ${link}`,
      async () => links[link].forget(),
      async () => {},
    );
    await load.decides(50);
    await load.expectConsistent();
  });
});
