/** One Ctrl-C can arrive twice: from the terminal, and from npm, which passes it on. */
const SAME_MS = 400;

/**
 * Calls `first` when this process is told to stop: by Ctrl-C, by SIGTERM, or because whoever started it is gone.
 * Calls `again` when it is told once more, some time later.
 */
export const onStopSignal = (first: (why: string) => void, again: () => void): void => {
  let since: number | undefined;
  const told = (why: string) => {
    if (since === undefined) {
      since = performance.now();
      first(why);
    } else if (performance.now() - since > SAME_MS) {
      again();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => told(signal));
  process.on('disconnect', () => told('its parent is gone'));
};
