import { count, make, setText, timeOfDay } from './format.js';

const section = document.getElementById('status');
const connection = document.getElementById('connection');
const CONNECTION = { connecting: 'Connecting', live: 'Live', disconnected: 'Disconnected. Trying again' };
let shown = '';

/** Shows the state of the connection. While it is disconnected, the page is grey, because its numbers are old. */
export const showConnection = (state, text = CONNECTION[state]) => {
  setText(connection.lastElementChild, text);
  connection.dataset.state = state;
  document.body.classList.toggle('stale', state === 'disconnected');
};

/** Shows what is wrong, or what was checked where nothing is. Screen readers read it out only where it changes. */
export const showStatus = ({ alerts, comparison, coupons, workers }) => {
  const lines = alerts.length > 0 ? alerts.map(({ text }) => text) : [describeHealth(workers)];
  const compared = describeComparison(comparison);
  const key = JSON.stringify([lines, Boolean(compared)]);
  if (key !== shown) {
    shown = key;
    section.dataset.level = alerts[0]?.level ?? 'fine';
    section.replaceChildren(...lines.map((line) => make('p', '', line)));
    // It changes every few seconds, so screen readers do not read it out.
    const note = make('p', 'compared');
    note.setAttribute('aria-live', 'off');
    section.append(note);
  }
  const asOf =
    alerts.some(({ code }) => code === 'mongo_down') && coupons ? `Stock as of ${timeOfDay(coupons.at)}. ` : '';
  setText(section.lastElementChild, asOf + compared);
};

const describeHealth = (workers) => {
  if (workers === undefined) return 'Redis and MongoDB answer.';
  return `Redis and MongoDB answer; ${count(workers)} worker${workers === 1 ? ' is' : 's are'} connected.`;
};

const describeComparison = (comparison) => {
  if (!comparison) return '';
  const { at, matching, tooLarge, wrong } = comparison;
  const compared = matching.length + wrong.length;
  const rest =
    tooLarge.length > 0
      ? ` ${count(tooLarge.length)} with too many claims to count here: npm run audit counts them.`
      : '';
  if (compared === 0) return rest.trim();
  const exact = wrong.length === 0 ? 'match' : 'do not match';
  return `Stock and claims of ${count(compared)} shown coupon${compared === 1 ? '' : 's'} ${exact}, counted at ${timeOfDay(at)}.${rest}`;
};
