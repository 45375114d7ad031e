import { StoreDownError, StoreWatch } from '@flashclaim/api';
import { DRIVER_TIMEOUT_MS, STORE_ASK_EVERY_MS, STORE_SILENT_INTERVALS_MAX } from '@flashclaim/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** Our own intervals pass when the test says so; promises are as they are. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const newWatch = () => {
  const questions: PromiseWithResolvers<void>[] = [];
  const changes: boolean[] = [];
  const watch = new StoreWatch({
    name: 'Redis',
    ask: () => {
      const question = Promise.withResolvers<void>();
      questions.push(question);
      return question.promise;
    },
    isFault: (error) => (error as Error).message === 'fault',
    log: { warn: () => {}, info: () => {} },
  });
  watch.onChange((isDown) => changes.push(isDown));
  const pass = async (intervals: number) => {
    await vi.advanceTimersByTimeAsync(intervals * STORE_ASK_EVERY_MS);
  };
  return { watch, questions, changes, pass };
};

const settle = () => new Promise((resolve) => setImmediate(resolve));

const awayError = (asked: boolean) => expect.objectContaining({ code: 'unavailable', asked });

describe('a store is down', () => {
  test('after so much silence, and back with its next answer', async () => {
    const { watch, questions, changes, pass } = newWatch();
    await pass(1 + STORE_SILENT_INTERVALS_MAX - 1);
    expect(watch.isDown).toBe(false);
    await pass(1);
    expect(watch.isDown).toBe(true);
    // One question at a time, however long it takes.
    await pass(100);
    expect(questions).toHaveLength(1);
    questions[0]?.resolve();
    await settle();
    expect(watch.isDown).toBe(false);
    expect(changes).toEqual([true, false]);
  });

  test('as soon as it can not be asked', async () => {
    const { watch, questions, pass } = newWatch();
    await pass(1);
    questions[0]?.reject(new Error('no connection'));
    await settle();
    expect(watch.isDown).toBe(true);
  });

  test('not while it answers, however often it is asked', async () => {
    const { watch, questions, changes, pass } = newWatch();
    for (let i = 0; i < 20; i++) {
      await pass(STORE_SILENT_INTERVALS_MAX);
      questions.at(-1)?.resolve();
      await settle();
    }
    expect(watch.isDown).toBe(false);
    expect(changes).toEqual([]);
  });

  test('not because we closed its connection', () => {
    const { watch, changes } = newWatch();
    watch.close();
    watch.markDown();
    expect(changes).toEqual([]);
  });
});

describe('a question', () => {
  test('gets the answer of the store', async () => {
    const { watch } = newWatch();
    expect(await watch.answer(async () => 5)).toBe(5);
  });

  test('is not put to a store that is down', async () => {
    const { watch } = newWatch();
    watch.markDown();
    const question = vi.fn(async () => 5);
    await expect(watch.answer(question)).rejects.toThrow(StoreDownError);
    await expect(watch.answer(question)).rejects.toEqual(awayError(false));
    expect(question).not.toHaveBeenCalled();
  });

  test('fails as soon as the store is down', async () => {
    const { watch } = newWatch();
    const late = Promise.withResolvers<number>();
    const answer = watch.answer(() => late.promise);
    watch.markDown();
    await expect(answer).rejects.toEqual(awayError(true));
    late.reject(new Error('much too late'));
    await settle();
  });

  test('fails as it does, unless that means that the store is down', async () => {
    const { watch } = newWatch();
    const defect = new TypeError('a defect');
    await expect(watch.answer(() => Promise.reject(defect))).rejects.toBe(defect);
    await expect(watch.answer(() => Promise.reject(new Error('fault')))).rejects.toEqual(awayError(true));
  });
});

describe('a driver that loses a question', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  });

  test('is asked again, so that the store does not stay down', async () => {
    const { watch, questions } = newWatch();
    await vi.advanceTimersByTimeAsync(DRIVER_TIMEOUT_MS + 2 * STORE_ASK_EVERY_MS);
    expect(watch.isDown).toBe(true);
    expect(questions).toHaveLength(2);
    questions[1]?.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(watch.isDown).toBe(false);
  });

  test('keeps no caller waiting', async () => {
    const { watch, questions } = newWatch();
    const answer = watch.answer(() => new Promise(() => {})).catch((error: unknown) => error);
    for (let ms = 0; ms < DRIVER_TIMEOUT_MS; ms += STORE_ASK_EVERY_MS) {
      await vi.advanceTimersByTimeAsync(STORE_ASK_EVERY_MS);
      questions.at(-1)?.resolve();
    }
    expect(watch.isDown).toBe(false);
    expect(await answer).toEqual(awayError(true));
  });
});
