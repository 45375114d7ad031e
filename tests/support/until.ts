const LOOK_EVERY_MS = 20;
const MAX_MS = 20_000;

/** Waits until something is so. @throws Error where it never is. */
export const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + MAX_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`still not so after ${MAX_MS} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
};
