import { count, make, setText, span } from './format.js';

const body = document.getElementById('lane-list');
/** By lane number. */
const rows = new Map();
const OLD_MS = 2_000;
/** How long lanes stay open after their last job. */
const IDLE_MS = 3_000;

const details = document.getElementById('lanes');
let busyAt = Number.NEGATIVE_INFINITY;
/** Once a person has opened or closed the lanes, they stay so. */
let isChosen = false;
details.querySelector('summary').addEventListener('click', () => {
  isChosen = true;
});

/** Shows the lanes, in the order of their numbers; dashes where they can't be read. */
export const showLanes = (lanes) => {
  for (const { lane } of lanes ?? []) if (!rows.has(lane)) rows.set(lane, makeRow(lane));
  for (const [lane, shown] of rows) {
    const found = lanes?.find((one) => one.lane === lane);
    if (lanes && !found) removeRow(lane, shown);
    else fill(shown, found);
  }
  const busy = lanes?.filter(isBusy) ?? [];
  if (busy.length > 0) busyAt = performance.now();
  if (!isChosen) details.open = performance.now() - busyAt < IDLE_MS;
  setText(document.getElementById('lanes-note'), describe(lanes, busy));
};

const isBusy = ({ waiting, delayed, active, claimsHere }) => waiting + delayed + active + claimsHere > 0;

const describe = (lanes, busy) => {
  if (!lanes) return 'not known while Redis is down';
  const all = `${count(lanes.length)} lane${lanes.length === 1 ? '' : 's'}`;
  return busy.length === 0 ? `${all}, idle` : `${all}, ${count(busy.length)} busy`;
};

const removeRow = (lane, { row }) => {
  row.remove();
  rows.delete(lane);
};

const makeRow = (lane) => {
  const row = make('tr', '');
  const head = make('th', '', String(lane));
  head.scope = 'row';
  const cells = Array.from({ length: 4 }, () => make('td', ''));
  row.append(head, ...cells);
  const next = [...rows].filter(([other]) => other > lane).sort(([one], [other]) => one - other)[0];
  body.insertBefore(row, next ? next[1].row : null);
  return { row, cells };
};

const fill = ({ row, cells }, lane) => {
  const texts = lane
    ? [
        count(lane.claimsHere),
        count(lane.waiting + lane.delayed),
        count(lane.active),
        lane.oldestMs > 0 ? span(lane.oldestMs) : '–',
      ]
    : ['–', '–', '–', '–'];
  for (const [index, text] of texts.entries()) setText(cells[index], text);
  row.classList.toggle('busy', Boolean(lane && isBusy(lane)));
  row.classList.toggle('old', Boolean(lane && lane.oldestMs > OLD_MS));
};
