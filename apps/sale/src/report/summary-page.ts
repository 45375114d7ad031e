import { count, formatNumber } from '@flashclaim/terminal';
import { isRight } from '../judge-sale.ts';
import type { Summary } from '../summarise.ts';
import { barPlot, linePlot } from './plots.ts';
import { describeEnvironment, describeResult, describeUnits } from './summary-text.ts';

const STYLE = `:root{color-scheme:light dark;--text:#1b1f24;--muted:#59636e;--page:#fff;--line:#d1d9e0;--good:#1a7f37;--bad:#b3261e;--a:#0b6bcb;--b:#c77700;--c:#7d8590}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--muted:#9198a1;--page:#0d1117;--line:#30363d;--good:#3fb950;--bad:#ff7b72;--a:#58a6ff;--b:#e3a23b;--c:#6e7681}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;overflow-wrap:anywhere}small,.muted{color:var(--muted)}.verdict{font-size:1.1rem;font-weight:600;color:var(--bad)}.verdict.right{color:var(--good)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:.25rem .5rem;text-align:right;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left;white-space:pre}
figure{margin:1.5rem 0}svg{width:100%;height:auto;font-size:11px}svg text{fill:var(--muted)}@media(max-width:30rem){svg{font-size:18px}}.grid{stroke:var(--line)}.line{fill:none;stroke:var(--a);stroke-width:2}
.claimed{fill:var(--good);background:var(--good)}.refused{fill:var(--c);background:var(--c)}.other{fill:var(--b);background:var(--b)}.key i{display:inline-block;width:.8em;height:.8em;margin:0 .4em 0 1em}`;

/** The result of a sale as one page that loads nothing. */
export const summaryPage = (summary: Summary): string => {
  const { scenario, coupon, seconds, verdict, receiptFaults, isStopped } = summary;
  const isSound = verdict && isRight(verdict) && receiptFaults.length === 0;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(`${scenario}: ${describeResult(summary)}`)}</title>
<style>${STYLE}</style>
<main>
<h1>${escapeHtml(`${scenario} of ${coupon}`)}</h1>
<p class="verdict${isSound ? ' right' : ''}">${escapeHtml(describeResult(summary))}</p>
${isStopped ? '<p>Ended early: this is what was seen.</p>' : ''}
${receiptFaults.map((fault) => `<p class="verdict">${escapeHtml(fault)}</p>`).join('\n')}
<p>users ${count(summary.options.users)} · ${escapeHtml(describeUnits(summary))}</p>
<p class="muted">${count(Math.round(summary.claimsPerSecond))} claims/s in ${formatNumber(seconds)} s · ${escapeHtml(describeEnvironment(summary))}</p>
${plots(summary)}
${timesTable(summary)}
</main>
</html>
`;
};

const REFUSED = ['already_claimed', 'out_of_stock', 'sale_not_open'];

const plots = ({ slices, seconds, options, percentiles }: Summary): string => {
  const bars = slices.map(({ outcomes }) => {
    const all = Object.values(outcomes).reduce((sum, times) => sum + times, 0);
    const claimed = outcomes['claimed'] ?? 0;
    const refused = REFUSED.reduce((sum, outcome) => sum + (outcomes[outcome] ?? 0), 0);
    return [claimed, refused, all - claimed - refused].map((times) => (times * slices.length) / seconds);
  });
  const most = Math.max(1, ...bars.map((bar) => bar.reduce((sum, value) => sum + value, 0)));
  const time = { title: 'seconds', max: seconds };
  const left = [options.stock, ...slices.map((slice) => slice.left)];
  return [
    barPlot({ title: 'Answers', x: time, y: { title: 'claims a second', max: most } }, bars, SERIES),
    '<p class="key muted"><i class="claimed"></i>claimed<i class="refused"></i>refused<i class="other"></i>other</p>',
    linePlot(
      { title: 'Stock', x: time, y: { title: 'units left', max: options.stock } },
      left.map((units) => Math.max(0, units)),
    ),
    linePlot(
      {
        title: 'Answer times',
        x: { title: 'percent of the claims', max: 100 },
        y: { title: 'ms', max: percentiles.at(-1) ?? 1 },
      },
      percentiles,
    ),
  ].join('\n');
};

const SERIES = ['claimed', 'refused', 'other'];

const timesTable = ({
  times,
}: Summary): string => `<p class="muted">Answer times in ms, from the time when each call was due</p>
<div class="wide" role="region" aria-label="Answer times" tabindex="0"><table>
<tr><th>calls<th>answers<th>p50<th>p95<th>p99<th>max</tr>
${times
  .map(
    ({ name, answers, p50, p95, p99, max }) =>
      `<tr><td>${escapeHtml(name)}<td>${count(answers)}${[p50, p95, p99, max].map((value) => `<td>${formatNumber(value)}`).join('')}</tr>`,
  )
  .join('\n')}
</table></div>`;

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
