const CHECK_EVERY_MS = 20;
const MAX_MS = 20_000;

/** Waits until a condition is true. @throws Error if it is not true after 20 s. */
export const until = async (condition: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + MAX_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`still not true after ${MAX_MS} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
  }
};
