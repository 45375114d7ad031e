import { GAUGES, type Gauge, type Sample } from './gauges.ts';

/** With fewer samples, a quarter has only one, and the result would be random. */
export const SAMPLES_MIN = 8;

export interface Judged {
  gauge: Gauge;
  first: number;
  median: number;
  last: number;
  peak: number;
  /** Why it is a leak, if it is one. */
  leak?: string;
}

/**
 * Judges every gauge (I10). A leak grows constantly, so the median of the last quarter of a run is compared with that of the
 * second quarter, when all caches are warm. Short peaks do not change a median.
 */
export const judgeLeaks = (samples: readonly Sample[]): Judged[] =>
  samples.length === 0
    ? []
    : GAUGES.map((gauge) =>
        judge(
          gauge,
          samples.map((sample) => sample.get(gauge.name) ?? 0),
        ),
      );

const judge = (gauge: Gauge, values: readonly number[]): Judged => {
  const figures = {
    first: values[0] as number,
    median: medianOf(values),
    last: values.at(-1) as number,
    peak: Math.max(...values),
  };
  const leak = whyLeak(gauge, values, figures.peak);
  return { gauge, ...figures, ...(leak !== undefined && { leak }) };
};

const whyLeak = ({ max, allowance, unit }: Gauge, values: readonly number[], peak: number): string | undefined => {
  if (max !== undefined && peak > max) return `more than ${formatGauge(max, unit)}`;
  if (!allowance || values.length < SAMPLES_MIN) return undefined;
  const quarter = values.length / 4;
  const second = medianOf(values.slice(Math.floor(quarter), Math.floor(2 * quarter)));
  const last = medianOf(values.slice(Math.floor(3 * quarter)));
  const allowed = second * (1 + allowance.share) + allowance.more;
  if (last <= allowed) return undefined;
  return `${formatGauge(second, unit)} in the second quarter, ${formatGauge(last, unit)} in the last; ${formatGauge(allowed, unit)} allowed`;
};

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] as number;

/** Formats a value of a gauge. */
export const formatGauge = (value: number, unit: Gauge['unit']): string =>
  unit === 'MB' ? `${(value / 1_024 / 1_024).toFixed(1)} MB` : `${value}`;
