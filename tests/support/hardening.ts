import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { claim, createCoupon, readCoupon } from './caller.ts';
import { expectExact } from './expect-exact.ts';
import { jobsEver } from './jobs-ever.ts';
import { type System, startSystem } from './system.ts';

/** What a file of hardening tests works on. */
export interface Target {
  system: System;
  url: string;
}

/** Starts the real system for a file. After all of its tests the API must be the process it was, and exact. */
export const hardenedSystem = (env: Record<string, string> = {}): Target => {
  const target = {} as Target;
  beforeAll(async () => {
    target.system = await startSystem({ env });
    target.url = target.system.urls[0] as string;
  });
  afterAll(async () => {
    if (!target.system) return;
    const { url, system } = target;
    try {
      const name = 'after all that';
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

/** In a `describe`: none of its tests may queue a job. */
export const nothingIsQueued = (target: Target): void => {
  let before = 0;
  beforeEach(async () => {
    before = await jobsEver(target.system.stores.redis);
  });
  afterEach(async () => {
    expect(await jobsEver(target.system.stores.redis)).toBe(before);
  });
};
