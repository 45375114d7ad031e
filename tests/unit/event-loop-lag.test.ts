import { EventLoopLag } from '@flashclaim/api';
import { LOOP_CHECK_EVERY_MS, LOOP_DELAY_MAX_MS } from '@flashclaim/core';
import { afterEach, expect, test } from 'vitest';

let watch: EventLoopLag;
afterEach(() => watch.close());

/** A turn of the event loop in which this process hears nothing for long. */
const longTurn = async (): Promise<void> => {
  const end = performance.now() + LOOP_DELAY_MAX_MS + 2 * LOOP_CHECK_EVERY_MS;
  while (performance.now() < end);
  await new Promise((resolve) => setTimeout(resolve, 0));
};

test('one long turn is a burst; another is too much; and then all is well again', async () => {
  watch = new EventLoopLag();
  await longTurn();
  expect(watch.isSlow).toBe(false);
  await longTurn();
  expect(watch.isSlow).toBe(true);
  await expect.poll(() => watch.isSlow).toBe(false);
});
