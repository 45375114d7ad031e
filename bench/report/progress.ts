/** One line on a terminal that says what is running; nothing where nobody looks. */
export const showProgress = (text: string): void => {
  if (!process.stdout.isTTY) return;
  const width = (process.stdout.columns || 80) - 1;
  process.stdout.write(`\r${text.slice(0, width).padEnd(width)}`);
};

export const clearProgress = (): void => {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[2K');
};
