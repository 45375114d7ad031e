import { percentile } from '@flashclaim/load';

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
