import { spreadOf } from '../measure/stats.ts';
import type { RunRecord } from '../run-record.ts';

const LOADS: Record<string, string> = {
  'hot-64': 'hot, 64 conns',
  'hot-256': 'hot, 256 conns',
  'hot-1000': 'hot, 1,000 conns',
  'sold-out': 'sold out, 256 conns',
  spread: '1,000 coupons, 256 conns',
};

/** Colours in the order of the bars. People with colour blindness can distinguish them. */
const COLOURS: Record<string, string> = {
  bare: '#b0b7bf',
  seckill: '#e69f00',
  literal: '#cc3311',
  flashclaim: '#0072b2',
};

const WIDTH = 900;
const HEIGHT = 420;
const MARGIN = { left: 70, right: 20, top: 50, bottom: 70 };
const PLOT = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
const GAP = 0.2;

/** Draws the throughput of the candidates as bars, each with the range of its rounds as a line. */
export const drawThroughput = (runs: readonly RunRecord[], machine: readonly string[]): string => {
  const highest = Math.max(1, ...runs.filter(({ load }) => load in LOADS).map((run) => run.perSecond ?? 0));
  const step = niceStep(highest);
  const top = Math.ceil(highest / step) * step;
  const y = (value: number) => MARGIN.top + PLOT.height * (1 - value / top);

  const lines = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => gridLine(index * step, y));
  const groups = Object.entries(LOADS).map(([load, label], index) => group({ runs, load, label, index, y }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>Answers per second</title><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...lines,
    ...groups,
    ...legend(),
    text(MARGIN.left, HEIGHT - 12, `Claims answered per second; ${escapeXml(machine[0] ?? '')}`, 'start'),
    '</svg>\n',
  ].join('\n');
};

interface Group {
  runs: readonly RunRecord[];
  load: string;
  label: string;
  index: number;
  y: (value: number) => number;
}

const group = ({ runs, load, label, index, y }: Group): string => {
  const width = PLOT.width / Object.keys(LOADS).length;
  const left = MARGIN.left + index * width;
  const bar = (width * (1 - GAP)) / Object.keys(COLOURS).length;
  const bars = Object.entries(COLOURS).map(([who, colour], at) => {
    const figures = runs.filter((run) => run.load === load && run.who === who).flatMap((run) => run.perSecond ?? []);
    if (figures.length === 0) return '';
    const { median, min, max } = spreadOf(figures);
    const x = left + (width * GAP) / 2 + at * bar;
    const middle = x + bar / 2;
    return [
      `<rect x="${round(x)}" y="${round(y(median))}" width="${round(bar - 2)}" height="${round(y(0) - y(median))}" fill="${colour}"/>`,
      `<path d="M${round(middle)} ${round(y(min))}V${round(y(max))}" stroke="#333"/>`,
      text(middle, y(max) - 4, short(median), 'middle'),
    ].join('');
  });
  return [...bars, text(left + width / 2, y(0) + 18, label, 'middle')].join('\n');
};

const gridLine = (value: number, y: (value: number) => number): string =>
  `<path d="M${MARGIN.left} ${round(y(value))}H${WIDTH - MARGIN.right}" stroke="#ddd"/>` +
  text(MARGIN.left - 8, y(value) + 4, value.toLocaleString('en-US'), 'end');

const legend = (): string[] =>
  Object.entries(COLOURS).map(
    ([who, colour], index) =>
      `<rect x="${MARGIN.left + index * 110}" y="16" width="12" height="12" fill="${colour}"/>` +
      text(MARGIN.left + index * 110 + 18, 26, who, 'start'),
  );

const text = (x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="#333">${content}</text>`;

/** Steps of 1, 2 or 5 times a power of ten, five to ten of them. */
const niceStep = (highest: number): number => {
  const power = 10 ** Math.floor(Math.log10(highest));
  const factor = highest / power;
  return factor < 2 ? power / 5 : factor < 5 ? power / 2 : power;
};

const short = (value: number): string => (value >= 1000 ? `${(value / 1000).toFixed(1)}k` : value.toFixed(0));
const round = (value: number): string => value.toFixed(1);
const escapeXml = (content: string): string => content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
