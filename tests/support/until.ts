const CHECK_EVERY_MS = 20;
/** Only a fault is slower: no test depends on the speed of the machine. */
const MAX_MS = 90_000;

/**
 * Waits until a condition is true; `missing` says what is not there yet.
 * @throws Error if it is not true after 90 s.
 */
export const until = async (condition: () => Promise<boolean>, missing?: () => string): Promise<void> => {
  const deadline = performance.now() + MAX_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not true after ${MAX_MS} ms: ${missing?.() ?? condition}`);
    await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
  }
};
