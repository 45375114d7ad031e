import { count, make, setText, span, timeOfDay } from './format.js';
import uPlot from './uPlot.esm.js';

const SHOWN_SECONDS = 180;

/** In the order of the stack, from the bottom up. `index` is the position in a second of the view model. */
const OUTCOMES = [
  { key: 'claimed', index: 1, label: 'claimed' },
  { key: 'already_claimed', index: 2, label: 'already claimed' },
  { key: 'out_of_stock', index: 3, label: 'no stock' },
  {
    key: 'sale_not_open',
    index: 4,
    label: 'not open',
    title: 'Claims of a coupon that is paused, not started or ended',
  },
  { key: 'claim_released', index: 5, label: 'released', title: 'Repeated claims whose unit was released' },
  {
    key: 'others',
    index: 6,
    label: 'others',
    title: 'Pending, releases, unknown coupons, reused keys, and answers while a store is down',
  },
  {
    key: 'rejected',
    index: 7,
    label: 'rejected',
    title: 'Too many claims waited (503), or a rate limit was reached (429)',
  },
];
const TIMES = [
  { key: 'p50', index: 8, label: 'p50' },
  { key: 'p99', index: 9, label: 'p99' },
];

const style = getComputedStyle(document.documentElement);
const color = (name) => style.getPropertyValue(`--${name}`).trim();
const darkness = matchMedia('(prefers-color-scheme: dark)');

const byTime = new Map();
const plots = [];

/** Adds seconds, which may repeat known ones, and draws those in the window. */
export const showSeconds = (seconds, answers) => {
  for (const second of seconds) byTime.set(second[0], second);
  for (const plot of plots) plot.draw();
  fillLegend('outcomes-legend', OUTCOMES, ({ key }) => count(answers.total[key]));
  const times = { p50: answers.p50Ms, p99: answers.p99Ms };
  fillLegend('times-legend', TIMES, ({ key }) => (times[key] === undefined ? '–' : span(times[key])));
};

/** The last seconds, oldest first. A second without data is empty. */
const windowOf = () => {
  // biome-ignore lint/plugin/wall-clock: a stamp: the axis of the chart shows the time.
  const last = Math.max(...byTime.keys(), Math.floor(Date.now() / 1_000) - 1);
  for (const time of byTime.keys()) if (time <= last - SHOWN_SECONDS) byTime.delete(time);
  return Array.from({ length: SHOWN_SECONDS }, (_, index) => {
    const time = last - SHOWN_SECONDS + 1 + index;
    return byTime.get(time) ?? [time, ...OUTCOMES.map(() => 0), null, null];
  });
};

const stacked = () => {
  const seconds = windowOf();
  const sums = seconds.map(() => 0);
  const layers = OUTCOMES.map(({ index }) =>
    seconds.map((second, at) => {
      sums[at] += second[index];
      return sums[at];
    }),
  );
  // The highest layer is drawn first, and the others over it.
  return [seconds.map(([time]) => time), ...layers.reverse()];
};

const times = () => {
  const seconds = windowOf();
  return [seconds.map(([time]) => time), ...TIMES.map(({ index }) => seconds.map((second) => second[index]))];
};

const fillLegend = (id, series, textOf) => {
  const legend = document.getElementById(id);
  if (legend.children.length === 0)
    for (const { key, label, title } of series) {
      const item = make('li', '');
      item.dataset.series = key;
      if (title) item.title = title;
      item.append(make('i', 'swatch'), make('span', '', label), make('b', ''));
      legend.append(item);
    }
  for (const [index, one] of series.entries()) setText(legend.children[index].lastElementChild, textOf(one));
};

const axes = (size, values) => [
  {
    stroke: () => color('ink-2'),
    grid: { show: false },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
    size: 28,
    space: 110,
    values: (_, splits) => splits.map((at) => timeOfDay(at * 1_000)),
  },
  {
    stroke: () => color('ink-2'),
    grid: { stroke: () => color('line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
    size,
    space: 32,
    values,
  },
];

const makePlot = ({ id, series, data, values, scale }) => {
  const holder = document.getElementById(id);
  const size = () => ({ width: Math.max(200, holder.clientWidth), height: holder.clientHeight });
  const plot = new uPlot(
    {
      ...size(),
      series: [{}, ...series],
      axes: axes(52, values),
      scales: { x: { time: true }, y: { range: (_plot, _low, high) => [0, Math.max(scale, high * 1.1)] } },
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 40, 0, 0],
    },
    data(),
    holder,
  );
  new ResizeObserver(() => plot.setSize(size())).observe(holder);
  darkness.addEventListener('change', () => plot.redraw(false, true));
  plots.push({ draw: () => plot.setData(data()) });
};

const bars = uPlot.paths.bars({ size: [1, 100], align: 0, gap: 0 });

export const makeCharts = () => {
  makePlot({
    id: 'outcomes-chart',
    series: [...OUTCOMES].reverse().map(({ key }) => ({
      paths: bars,
      fill: () => color(key),
      stroke: () => color(key),
      width: 0,
      points: { show: false },
    })),
    data: stacked,
    values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? count(value) : '')),
    scale: 10,
  });
  makePlot({
    id: 'times-chart',
    series: TIMES.map(({ key }) => ({
      stroke: () => color(key),
      width: 2,
      points: { show: true, size: 3 },
      spanGaps: false,
    })),
    data: times,
    values: (_, splits) => splits.map((value) => count(value)),
    scale: 10,
  });
};
