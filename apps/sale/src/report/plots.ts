/** Plots as inline SVG. Their colours are the custom properties of the page. */

const WIDTH = 720;
const HEIGHT = 200;
const LEFT = 72;
const BOTTOM = 24;
const TOP = 16;

export interface Plot {
  title: string;
  /** Of the axes, with their units. */
  x: { title: string; max: number };
  y: { title: string; max: number };
}

const format = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value >= 100 ? 0 : value >= 1 ? 1 : 3 });

const toX = (part: number): number => LEFT + part * (WIDTH - LEFT - 12);
const toY = (part: number): number => HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);

const frame = ({ title, x, y }: Plot, content: string): string => {
  const rows = [0, 0.5, 1].map(
    (part) => `<line class="grid" x1="${LEFT}" x2="${WIDTH - 12}" y1="${toY(part)}" y2="${toY(part)}"/>
<text x="${LEFT - 6}" y="${toY(part) + 4}" text-anchor="end">${format(part * y.max)}</text>`,
  );
  const columns = [0, 0.25, 0.5, 0.75, 1].map(
    (part) =>
      `<text x="${toX(part)}" y="${HEIGHT - 6}" text-anchor="${part === 1 ? 'end' : 'middle'}">${format(part * x.max)}</text>`,
  );
  return `<figure>
<figcaption>${title} <small>${y.title} over ${x.title}</small></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}: up to ${format(y.max)} ${y.title}">
${rows.join('\n')}
${content}
${columns.join('\n')}
</svg>
</figure>`;
};

/** A line through values at equal distances along x. */
export const linePlot = (plot: Plot, values: readonly number[]): string => {
  const points = values.map((value, index) => {
    const y = toY(value / (plot.y.max || 1));
    return `${toX(index / Math.max(1, values.length - 1)).toFixed(1)},${y.toFixed(1)}`;
  });
  return frame(plot, `<polyline class="line" points="${points.join(' ')}"/>`);
};

/** Stacked bars: for each bar the value of each series, and the class of each series. */
export const barPlot = (plot: Plot, bars: readonly (readonly number[])[], classes: readonly string[]): string => {
  const width = (WIDTH - LEFT - 12) / Math.max(1, bars.length);
  const content = bars.flatMap((values, index) => {
    let below = 0;
    return values.flatMap((value, series) => {
      if (value === 0) return [];
      const top = toY((below + value) / plot.y.max);
      const height = toY(below / plot.y.max) - top;
      below += value;
      const x = LEFT + index * width;
      return `<rect class="${classes[series]}" x="${x.toFixed(1)}" y="${top.toFixed(1)}" width="${Math.max(1, width - 1).toFixed(1)}" height="${height.toFixed(1)}"/>`;
    });
  });
  return frame(plot, content.join('\n'));
};
