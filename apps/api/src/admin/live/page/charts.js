import { count, make, offset, setText, span } from './format.js';
import uPlot from './uPlot.esm.js';
import { lastSeconds, prepareZoom, shownTime } from './zoom.js';

/**
 * In the order of the stack, from the bottom up. `index` is the position in a step of the view model. The legend omits rare ones
 * that did not occur.
 */
const OUTCOMES = [
  { key: 'claimed', index: 1, label: 'claimed' },
  { key: 'already_claimed', index: 2, label: 'already claimed' },
  { key: 'out_of_stock', index: 3, label: 'no stock' },
  {
    key: 'sale_not_open',
    isRare: true,
    index: 4,
    label: 'not open',
    title: 'Claims of a coupon that is paused, not started or ended',
  },
  {
    key: 'claim_released',
    isRare: true,
    index: 5,
    label: 'released',
    title: 'Repeated claims whose unit was released',
  },
  {
    key: 'others',
    isRare: true,
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
const STEPS_SHOWN_MS = 180_000;
/** Round distances of times on an axis, in seconds. */
const TIME_STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800],
];

const style = getComputedStyle(document.documentElement);
const color = (name) => style.getPropertyValue(`--${name}`).trim();
const darkness = matchMedia('(prefers-color-scheme: dark)');

/** The last frame, and the steps of all frames by their time. */
let state;
const steps = new Map();
const plots = [];

/** Keeps the steps of a frame, which may repeat known ones, and draws all charts. */
export const showCharts = (frame) => {
  state = frame;
  for (const step of frame.steps) steps.set(step[0], step);
  for (const at of steps.keys()) if (at < frame.at - STEPS_SHOWN_MS) steps.delete(at);
  draw();
  const { total, ...times } = frame.answers;
  fillLegend('outcomes-legend', OUTCOMES, ({ key }) => count(total[key]));
  fillLegend('times-legend', TIMES, ({ key }) => (times[`${key}Ms`] === undefined ? '–' : span(times[`${key}Ms`])));
};

const draw = () => {
  if (state) for (const plot of plots) plot.draw();
};

/**
 * The steps in the shown time, and `x`: where each begins, and where the last ends. The latest steps where those of the sale are
 * not known any more.
 */
const shownSteps = () => {
  const { stepMs, at } = state;
  const shown = shownTime(state);
  const isKnown = shown.to > Math.min(...steps.keys());
  const { from, to, zero } = isKnown ? shown : lastSeconds(at, STEPS_SHOWN_MS / 1_000);
  const begin = Math.max(from, to - STEPS_SHOWN_MS);
  const end = Math.max(begin, Math.min(to, at));
  const first = Math.floor(begin / stepMs);
  const number = Math.max(1, Math.ceil(end / stepMs) - first);
  const all = Array.from({ length: number }, (_, index) => {
    const time = (first + index) * stepMs;
    return steps.get(time) ?? [time, ...OUTCOMES.map(() => 0), null, null];
  });
  const x = [begin, ...all.slice(1).map(([time]) => time), end].map((time) => (time - zero) / 1_000);
  return { all, x, min: x[0], max: (to - zero) / 1_000 };
};

/** How long a step has lasted, in seconds. At least half of it: the rate of its first answers would be a peak. */
const lasted = ([begin]) => Math.max(state.stepMs / 2, Math.min(state.stepMs, state.at - begin)) / 1_000;

const stacked = () => {
  const { all, x, min, max } = shownSteps();
  const sums = all.map(() => 0);
  const layers = OUTCOMES.map(({ index }) => {
    for (const [at, step] of all.entries()) sums[at] += step[index] / lasted(step);
    return [...sums, sums.at(-1)];
  });
  // The highest layer is drawn first, and the others over it.
  return { data: [x, ...layers.reverse()], min, max };
};

const times = () => {
  const { all, x, min, max } = shownSteps();
  return { data: [x, ...TIMES.map(({ index }) => [...all.map((step) => step[index]), null])], min, max };
};

/** Flat before the first grant, and after the last one until now. */
const unitsLeft = () => {
  const { from, to, zero } = shownTime(state);
  const { sale, coupons } = state;
  const { amount, remaining } = coupons?.shown.find(({ id }) => id === sale?.couponId) ?? { amount: 0, remaining: 0 };
  const points = sale?.points ?? [];
  const before = Math.min(amount, points[0] ? points[0][1] + 1 : remaining);
  const start = points[0]?.[0] ?? to;
  const all = [
    [Math.min(from, start), before],
    [start, before],
    ...points,
    [Math.max(Math.min(to, state.at), points.at(-1)?.[0] ?? to), remaining],
  ];
  const x = all.map(([at]) => (at - zero) / 1_000);
  return { data: [x, all.map(([, left]) => left)], min: (from - zero) / 1_000, max: (to - zero) / 1_000, high: amount };
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
  for (const [index, one] of series.entries()) {
    const [item, text] = [legend.children[index], textOf(one)];
    setText(item.lastElementChild, text);
    item.hidden = one.isRare === true && text === count(0);
  }
};

const axes = (size) => {
  const both = { stroke: () => color('ink-2'), ticks: { show: false }, font: '12px system-ui, sans-serif' };
  return [
    {
      ...both,
      grid: { show: false },
      size: 28,
      space: 70,
      incrs: TIME_STEPS,
      values: (_, splits) => splits.map(offset),
    },
    {
      ...both,
      grid: { stroke: () => color('line'), width: 1 },
      size,
      space: 32,
      values: (_, splits) => splits.map((value) => (Number.isInteger(value) ? count(value) : '')),
    },
  ];
};

/** `read` returns the data, and the ends of the axes. */
const makePlot = ({ id, series, read }) => {
  const holder = document.getElementById(id);
  const size = () => ({ width: Math.max(200, holder.clientWidth), height: holder.clientHeight });
  let shown = { data: [[], ...series.map(() => [])], min: 0, max: 1 };
  const plot = new uPlot(
    {
      ...size(),
      series: [{}, ...series],
      axes: axes(56),
      scales: {
        x: { time: false, range: () => [shown.min, shown.max] },
        y: { range: (_plot, _low, high) => [0, shown.high || Math.max(10, high * 1.1)] },
      },
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 24, 0, 0],
    },
    shown.data,
    holder,
  );
  new ResizeObserver(() => plot.setSize(size())).observe(holder);
  darkness.addEventListener('change', () => plot.redraw(false, true));
  plots.push({
    draw: () => {
      shown = read();
      plot.setData(shown.data);
    },
  });
};

export const makeCharts = () => {
  prepareZoom(draw);
  makePlot({
    id: 'left-chart',
    series: [{ stroke: () => color('claimed'), fill: () => color('claimed-area'), width: 2, points: { show: false } }],
    read: unitsLeft,
  });
  makePlot({
    id: 'outcomes-chart',
    series: OUTCOMES.toReversed().map(({ key }) => ({
      paths: uPlot.paths.stepped({ align: 1 }),
      fill: () => color(key),
      width: 0,
      points: { show: false },
    })),
    read: stacked,
  });
  makePlot({
    id: 'times-chart',
    series: TIMES.map(({ key }) => ({ stroke: () => color(key), width: 2, points: { show: true, size: 3 } })),
    read: times,
  });
};
