import { createClient, systemClock } from '@flashclaim/client';

/** A program that claims, claims after a failure, aborts during a pause of an hour, and then must exit by itself. */
const leaving = new AbortController();
const client = createClient({
  baseUrl: process.argv[2] ?? '',
  attemptTimeoutMs: 3_600_000,
  clock: {
    now: systemClock.now,
    sleep: (ms, signal) => {
      if (ms > 1_000_000) setImmediate(() => leaving.abort(new Error('the customer has left')));
      return systemClock.sleep(ms, signal);
    },
  },
});
const options = { signal: leaving.signal, timeoutMs: 24 * 3_600_000 };
const request = { userId: 'user', couponName: 'coupon' };
const first = await client.claim(request, options);
const second = await client.claim(request, options);
const third = await client.claim(request, options).catch((error: Error) => error.message);
console.log(`${first.outcome}, ${second.outcome}, ${third}`);
