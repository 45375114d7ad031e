/**
 * How long an answer asks to be left alone: `Retry-After` in seconds or as a date, which counts from the server's own
 * clock where the answer tells it. Undefined where it is absent or senseless.
 */
export const retryAfterMs = (headers: Headers): number | undefined => {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse alone makes a date of nearly everything.
  const date = / GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(date)) return undefined;
  // biome-ignore lint/plugin/wall-clock: a date in a header is by the wall clock.
  const now = Date.parse(headers.get('date') ?? '') || Date.now();
  return Math.max(0, date - now);
};
