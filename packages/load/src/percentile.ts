/** The percentile of some figures; between two figures, their mean. NaN without figures. */
export const percentile = (figures: readonly number[], percent: number): number => {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (percent / 100) * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below === above ? below : (below + above) / 2;
};
