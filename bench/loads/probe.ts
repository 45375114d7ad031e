const EVERY_MS = 100;

/** Checks single answers during a load. `check` resolves to a description of the fault, or to undefined. */
export const probe = (check: () => Promise<string | undefined>): { end(): Promise<string | undefined> } => {
  let ended = false;
  const checking = (async () => {
    while (!ended) {
      const wrong = await check().catch((error: Error) => `a check failed: ${error.message}`);
      if (wrong) return wrong;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    return undefined;
  })();
  return {
    end: () => {
      ended = true;
      return checking;
    },
  };
};
