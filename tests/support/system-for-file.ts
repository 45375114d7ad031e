import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { claim, createCoupon, readCoupon } from './call-api.ts';
import { countAddedJobs } from './count-added-jobs.ts';
import { expectExact } from './expect-exact.ts';
import { type System, startSystem } from './system.ts';

/** The system of a test file, and the URL of its API. */
export interface Target {
  system: System;
  url: string;
}

/** Starts the real system for a test file. After all its tests the same API process must still work, and the stock be correct. */
export const systemForFile = (env: Record<string, string> = {}): Target => {
  const target = {} as Target;
  beforeAll(async () => {
    target.system = await startSystem({ env });
    target.url = target.system.urls[0] as string;
  });
  afterAll(async () => {
    if (!target.system) return;
    const { url, system } = target;
    try {
      const name = 'after all tests';
      await createCoupon(url, name, 1);
      expect((await claim(url, name, 'user')).body).toMatchObject({ user_id: 'user', coupon_name: name });
      expect(await readCoupon(url, name)).toMatchObject({ remaining_amount: 0, claimed_by: ['user'] });
      await expectExact(system.stores.mongo);
    } finally {
      await system.close();
    }
  });
  return target;
};

/** In a `describe`: checks that none of its tests adds a job. */
export const expectNoJobs = (target: Target): void => {
  let before = 0;
  beforeEach(async () => {
    before = await countAddedJobs(target.system.stores.redis);
  });
  afterEach(async () => {
    expect(await countAddedJobs(target.system.stores.redis)).toBe(before);
  });
};
