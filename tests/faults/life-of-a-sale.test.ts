import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { HistoryRecorder } from '../support/history.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const COUPON = 'hot';
/** Few enough that a busy machine grants more than all of them. */
const UNITS = 20;
/** The operator adds none, then five, up to this number, and begins again. */
const UNITS_MAX = 40;
const CALLERS = 12;

let stores: OwnStores;
let system: System;
afterEach(() => system?.close());

/** Each caller claims, retries, releases what it got now and then, and claims again; one changes the amount and pauses. */
const startCallers = (history: HistoryRecorder) => {
  let isStopped = false;
  let turn = 0;
  const urlOf = (at: number) => system.urls[at % system.urls.length] as string;
  const claimer = async (caller: number): Promise<void> => {
    while (!isStopped) {
      const at = ++turn;
      const user = `user-${at % 60}`;
      const key = `${caller}-${at}`;
      let call = await history.claim(urlOf(at), COUPON, user, { key });
      if (call.status === undefined || call.status >= 500)
        call = await history.claim(urlOf(at + 1), COUPON, user, { key });
      if (call.claimId !== undefined && at % 2 === 0)
        await Promise.all(
          [at, at + 1]
            .slice(0, 1 + (at % 3 === 0 ? 1 : 0))
            .map((one) => history.release(urlOf(one), call.claimId as string)),
        );
      if (at % 7 === 0) await history.claim(urlOf(at), COUPON, user, { key });
      await sleep(5);
    }
  };
  const operator = async (): Promise<void> => {
    for (let round = 0; !isStopped; round++) {
      await history.change(urlOf(round), COUPON, { amount: UNITS + (round % 5) * 5 });
      if (round % 4 === 0) {
        await history.change(urlOf(round), COUPON, { paused: true });
        // Long enough that claims begin and end in it.
        await sleep(100);
      }
      await history.change(urlOf(round + 1), COUPON, { paused: false });
      await history.listClaims(urlOf(round), COUPON, undefined, 20);
      await sleep(50);
    }
  };
  const callers = Promise.all([operator(), ...Array.from({ length: CALLERS }, (_, caller) => claimer(caller))]);
  return {
    /** Resolves once this many further turns have begun. */
    turns: (count: number) => {
      const target = turn + count;
      return until(async () => turn >= target);
    },
    stop: async () => {
      isStopped = true;
      await callers;
    },
  };
};

test('claims, releases, changes and lists stay true while workers are killed and stores are unreachable', async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, apis: 2, workers: 2, env: { CLAIM_WAIT_MS: '1000' } });
  const history = new HistoryRecorder();
  await history.create(system.urls[0] as string, COUPON, UNITS);
  const load = startCallers(history);
  await load.turns(50);
  for (let round = 0; round < 3; round++) {
    const victim = system.workers[round];
    history.mark('broken', 'a worker');
    victim?.kill('SIGKILL');
    await victim?.exited;
    await system.addWorker();
    history.mark('recovered', 'a worker');
    await load.turns(30);
    const store = round % 2 === 0 ? 'redis' : 'mongo';
    history.mark('broken', store);
    await stores.proxies[store].disconnect();
    await sleep(300);
    await stores.proxies[store].reconnect();
    history.mark('recovered', store);
    await load.turns(30);
  }
  let issued = 0;
  // Each unit that there ever was has been granted once, and one of them twice: some were released before.
  await until(
    async () => {
      issued = (await stores.mongo.coupons.findOne({ name: COUPON }))?.issued ?? 0;
      return issued > UNITS_MAX;
    },
    () => `more than ${UNITS_MAX} grants; there were ${issued}`,
  );
  await load.stop();
  await history.change(system.urls[0] as string, COUPON, { paused: false });
  await history.expectConsistent(system);
  // The log has no gap.
  const { event_count } = (await stores.mongo.coupons.findOne({ name: COUPON })) ?? {};
  const events = await stores.mongo.events.find().sort({ number: 1 }).toArray();
  expect(events.map(({ number }) => number)).toEqual(Array.from({ length: event_count ?? 0 }, (_, index) => index + 1));
});
