/** One Ctrl-C can arrive twice: from the terminal, and from npm, which forwards it. */
const SAME_MS = 400;

/**
 * Calls `first` when this process must stop: on Ctrl-C, on SIGTERM, or because its parent process ended.
 * Calls `again` on a later second signal.
 */
export const onStopSignal = (first: (why: string) => void, again: () => void): void => {
  let since: number | undefined;
  const requestStop = (why: string) => {
    if (since === undefined) {
      since = performance.now();
      first(why);
    } else if (performance.now() - since > SAME_MS) {
      again();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => requestStop(signal));
  process.on('disconnect', () => requestStop('its parent process ended'));
};
