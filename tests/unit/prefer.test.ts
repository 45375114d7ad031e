import { preferenceApplied, readPrefer } from '@flashclaim/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** The wait that a deployment set. */
const MAX_MS = 5_000;

/** What happens to the wait, and of the answer's header where the claim is answered `pending`. */
const follow = (header: string) => {
  const preferred = readPrefer(header, MAX_MS);
  return [preferred.waitMs, preferenceApplied(preferred, true)];
};

describe('the header Prefer', () => {
  test.each<[string, number, string | undefined]>([
    // header, wait in ms, Preference-Applied
    ['wait=2', 2_000, 'wait=2'],
    ['wait=0', 0, 'wait=0'],
    ['wait=5', 5_000, 'wait=5'],
    ['WAIT=2', 2_000, 'wait=2'],
    ['wait = 2', 2_000, 'wait=2'],
    ['wait=007', 5_000, undefined],
    ['wait=002', 2_000, 'wait=2'],
    ['respond-async', 0, 'respond-async'],
    ['Respond-Async', 0, 'respond-async'],
    ['respond-async=""', 0, 'respond-async'],
    ['respond-async; foo', 0, 'respond-async'],
    ['respond-async, wait=2', 2_000, 'respond-async, wait=2'],
    ['wait=2,respond-async', 2_000, 'respond-async, wait=2'],
    // It never waits longer than the deployment.
    ['wait=6', 5_000, undefined],
    ['wait=99999999999999999999999999999', 5_000, undefined],
    ['respond-async, wait=6', 5_000, 'respond-async'],
    // Unknown ones, lists, parameters, quotes.
    ['', 5_000, undefined],
    ['return=minimal', 5_000, undefined],
    ['return=minimal, wait=2; foo="a, wait=1"; bar', 2_000, 'wait=2'],
    [' , ,wait=2,, ', 2_000, 'wait=2'],
    ['foo="a, wait=1", wait=2', 2_000, 'wait=2'],
    ['foo="a\\", wait=1", wait=2', 2_000, 'wait=2'],
    ['foo="a, wait=1', 5_000, undefined],
    ['foo="a\\', 5_000, undefined],
    // The first of a name counts.
    ['wait=2, wait=1', 2_000, 'wait=2'],
    ['wait=x, wait=1', 5_000, undefined],
    // Malformed.
    ['wait', 5_000, undefined],
    ['wait=', 5_000, undefined],
    ['wait=-1', 5_000, undefined],
    ['wait=1.5', 5_000, undefined],
    ['wait=1e0', 5_000, undefined],
    ['wait=0x1', 5_000, undefined],
    ['wait="1"', 5_000, undefined],
    ['wait=1 2', 5_000, undefined],
    ['wait==1', 5_000, undefined],
    ['wait 1', 5_000, undefined],
    ['respond-async=yes', 5_000, undefined],
    ['respond-async wait=1', 5_000, undefined],
    ['await=1', 5_000, undefined],
    ['respond-async, wait=x', 0, 'respond-async'],
  ])('%s', (header, waitMs, applied) => {
    expect(follow(header)).toEqual([waitMs, applied]);
  });

  test('respond-async is not applied to an answer that was there at once', () => {
    expect(preferenceApplied(readPrefer('respond-async', MAX_MS), false)).toBeUndefined();
    expect(preferenceApplied(readPrefer('respond-async, wait=1', MAX_MS), false)).toBe('wait=1');
  });

  test('whatever is sent, the wait is one of the deployment or shorter', () => {
    const part = fc.oneof(fc.constantFrom('wait', '=', ',', ';', '"', '\\', ' ', 'respond-async', '1'), fc.string());
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const { waitMs } = readPrefer(parts.join(''), MAX_MS);
        expect(waitMs >= 0 && waitMs <= MAX_MS && waitMs % 1_000 === 0).toBe(true);
      }),
    );
  });
});
