/**
 * `Retry-After` of an answer in milliseconds. A date is compared with the server's own clock if the answer has `Date`.
 * Undefined if the header is absent or invalid.
 */
export const retryAfterMs = (headers: Headers): number | undefined => {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse alone accepts nearly every text.
  const date = / GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(date)) return undefined;
  // biome-ignore lint/plugin/wall-clock: a date in a header is wall-clock time.
  const now = Date.parse(headers.get('date') ?? '') || Date.now();
  return Math.max(0, date - now);
};
