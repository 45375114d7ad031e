/** Median and range of some figures. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Requires at least one figure. */
export const spreadOf = (figures: readonly number[]): Spread => ({
  median: percentile(figures, 50),
  min: Math.min(...figures),
  max: Math.max(...figures),
});

/** The percentile of some figures; between two figures, their mean. */
export const percentile = (figures: readonly number[], percent: number): number => {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (percent / 100) * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below === above ? below : (below + above) / 2;
};
