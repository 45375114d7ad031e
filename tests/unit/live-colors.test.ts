import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const CSS = readFileSync(join(import.meta.dirname, '../../apps/api/src/admin/live/page/live.css'), 'utf8');
const [light = '', dark = ''] = [...CSS.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) => body);

/** Of parts of a picture, as WCAG 2.2 has it (1.4.11). */
const RATIO_MIN = 3;

/** As WCAG reckons it, from a colour such as #0f8a66. */
const luminanceOf = (color: string): number => {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const ratio = (one: string, other: string): number => {
  const [darker = 0, lighter = 0] = [luminanceOf(one), luminanceOf(other)].toSorted((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
};

const colorOf = (scheme: string, name: string): string =>
  new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(scheme)?.[1] ?? `no --${name}`;

test.each(
  ['claimed', 'already_claimed', 'out_of_stock', 'others', 'rejected', 'p50', 'p99'].flatMap((name) => [
    ['light', name, light],
    ['dark', name, dark],
  ]),
)('in the %s theme the colour of %s is distinguishable from the background of a chart', (_, name = '', scheme = '') => {
  expect(ratio(colorOf(scheme, name), colorOf(scheme, 'panel'))).toBeGreaterThanOrEqual(RATIO_MIN);
});
