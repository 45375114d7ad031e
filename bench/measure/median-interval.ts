import { percentile } from '@flashclaim/load';

/** A median, and an interval that contains the true one with the given probability. */
export interface MedianInterval {
  median: number;
  low: number;
  high: number;
  /** At least 0.9 from five figures on; with fewer, the interval is their range. */
  probability: number;
}

const PROBABILITY_MIN = 0.9;

/**
 * The median with its narrowest interval of two order statistics that has a probability of at least 0.9. It assumes nothing about
 * the distribution. The number of figures below the true median is binomial (n, 1/2), so the interval from the k-th smallest
 * to the k-th largest misses it with twice the probability of fewer than k.
 * @param figures at least one.
 */
export const medianInterval = (figures: readonly number[]): MedianInterval => {
  const sorted = figures.toSorted((a, b) => a - b);
  const n = sorted.length;
  const at = (index: number) => sorted[index] as number;
  let best = { low: at(0), high: at(n - 1), probability: 1 - 2 * 0.5 ** n };
  let exactly = 0.5 ** n;
  let fewer = exactly;
  for (let k = 2; k <= n / 2; k++) {
    exactly *= (n - k + 2) / (k - 1);
    fewer += exactly;
    if (1 - 2 * fewer < PROBABILITY_MIN) break;
    best = { low: at(k - 1), high: at(n - k), probability: 1 - 2 * fewer };
  }
  return { median: percentile(figures, 50), ...best };
};
