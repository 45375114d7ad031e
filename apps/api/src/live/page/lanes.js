import { count, make, setText, span } from './format.js';

const body = document.getElementById('lane-list');
const rows = [];
const OLD_MS = 2_000;

/** Shows the lanes; dashes where they can't be looked at. */
export const showLanes = (lanes) => {
  for (const lane of lanes ?? []) rows[lane.lane] ??= makeRow(lane.lane);
  for (const [index, row] of rows.entries()) fill(row, lanes?.[index]);
};

const makeRow = (lane) => {
  const row = make('tr', '');
  const head = make('th', '', String(lane));
  head.scope = 'row';
  const cells = Array.from({ length: 4 }, () => make('td', ''));
  row.append(head, ...cells);
  body.append(row);
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
  row.classList.toggle('busy', Boolean(lane && lane.waiting + lane.active + lane.claimsHere > 0));
  row.classList.toggle('old', Boolean(lane && lane.oldestMs > OLD_MS));
};
