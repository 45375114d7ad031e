const EVERY_MS = 100;

/** Looks closely at single answers while a load runs. `look` says what is wrong, if anything is. */
export const probe = (look: () => Promise<string | undefined>): { end(): Promise<string | undefined> } => {
  let ended = false;
  const looking = (async () => {
    while (!ended) {
      const wrong = await look().catch((error: Error) => `a close look failed: ${error.message}`);
      if (wrong) return wrong;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    return undefined;
  })();
  return {
    end: () => {
      ended = true;
      return looking;
    },
  };
};
