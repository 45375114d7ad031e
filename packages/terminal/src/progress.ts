const BAR_COLUMNS = 24;

/** Shows one progress line on a terminal. Does nothing if the output is not a terminal. */
export const showProgress = (text: string): void => {
  if (!process.stdout.isTTY) return;
  const width = (process.stdout.columns || 80) - 1;
  process.stdout.write(`\r${text.slice(0, width).padEnd(width)}`);
};

export const clearProgress = (): void => {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[2K');
};

/** A progress bar: `████████░░░░░░░░░░░░░░░░  33 %`. The total may grow during the work. */
export const bar = (done: number, total: number): string => {
  const part = total > 0 ? Math.min(1, done / total) : 1;
  const full = Math.floor(part * BAR_COLUMNS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_COLUMNS - full)} ${`${Math.floor(part * 100)}`.padStart(3)} %`;
};
