import { askToPause, openChanges } from './coupon-dialogs.js';
import { count, make, rate, setText, span, timeOfDay } from './format.js';
import { describeWindow } from './local-time.js';

const list = document.getElementById('coupon-list');
const empty = document.getElementById('empty');
const cards = new Map();

/** Shows the coupons, each as a card. The card stays the same element while the coupon is shown. */
export const showCoupons = (coupons) => {
  empty.hidden = coupons.length > 0;
  list.hidden = coupons.length === 0;
  const gone = new Set(cards.keys());
  for (const [index, coupon] of coupons.entries()) {
    gone.delete(coupon.id);
    let card = cards.get(coupon.id);
    if (!card) {
      card = makeCard(coupon);
      cards.set(coupon.id, card);
    }
    if (list.children[index] !== card.item) list.insertBefore(card.item, list.children[index] ?? null);
    fill(card, coupon);
  }
  for (const id of gone) {
    cards.get(id).item.remove();
    cards.delete(id);
  }
};

const makeCard = ({ name, id }) => {
  const item = make('li', 'coupon');
  const title = make('h3', '', name);
  title.title = name;
  title.id = `coupon-${id}`;
  const state = make('p', 'state');
  const left = make('strong', 'left');
  const bar = make('div', 'bar');
  bar.setAttribute('role', 'meter');
  bar.setAttribute('aria-labelledby', title.id);
  bar.setAttribute('aria-valuemin', '0');
  const rest = make('i', 'rest');
  bar.append(rest);
  const pace = make('p', 'pace');
  const [of, speed] = [make('span', 'of'), make('span', '')];
  pace.append(of, speed);
  const [end, window] = [make('p', 'end'), make('p', 'window')];
  const [pause, change] = [make('button', 'quiet'), make('button', 'quiet', 'Change')];
  change.setAttribute('aria-label', `Change ${name}`);
  const card = { item, state, left, of, bar, rest, speed, end, window, pause };
  pause.addEventListener('click', () => askToPause(card.coupon));
  change.addEventListener('click', () => openChanges(card.coupon));
  const actions = make('div', 'actions');
  actions.append(pause, change);
  item.append(title, state, left, bar, pace, end, window, actions);
  return card;
};

const fill = (card, coupon) => {
  const { name, amount, remaining, claimsPerSecond, paused } = coupon;
  card.coupon = coupon;
  const share = remaining / amount;
  const key = keyOf(coupon);
  card.item.dataset.state = key;
  setText(card.state, STATES[coupon.state]);
  setText(card.left, count(remaining));
  card.left.classList.toggle('long', remaining > 9_999_999);
  setText(card.of, `of ${count(amount)} left`);
  card.bar.setAttribute('aria-valuemax', String(amount));
  card.bar.setAttribute('aria-valuenow', String(remaining));
  card.bar.setAttribute('aria-valuetext', `${count(remaining)} of ${count(amount)} left`);
  // A bar is never empty while units remain.
  card.rest.style.inlineSize = `${remaining === 0 ? 0 : Math.max(0.6, share * 100)}%`;
  setText(card.speed, key === 'selling' ? `${rate(claimsPerSecond)} per second` : '');
  setText(card.end, endOf(key, coupon));
  setText(card.window, describeWindow(coupon.startsAt, coupon.endsAt));
  const verb = paused ? 'Resume' : 'Pause';
  setText(card.pause, verb);
  card.pause.setAttribute('aria-label', `${verb} ${name}`);
  card.pause.hidden = key === 'ended';
};

const STATES = { scheduled: 'Scheduled', open: 'Open', paused: 'Paused', sold_out: 'Sold out', ended: 'Ended' };

/** The state; for an open coupon also how it sells. */
const keyOf = ({ state, amount, remaining, claimsPerSecond }) => {
  if (state !== 'open') return state;
  if (claimsPerSecond > 0) return 'selling';
  return remaining === amount ? 'fresh' : 'quiet';
};

const endOf = (key, { remaining, claimsPerSecond, opensInMs, createdAt, updatedAt }) => {
  switch (key) {
    case 'scheduled':
      return `opens in ${span(opensInMs)}`;
    case 'selling':
      return `sold out in ${span((remaining / claimsPerSecond) * 1_000)} at this rate`;
    case 'fresh':
      return `created at ${timeOfDay(createdAt)}`;
    default:
      return `last change at ${timeOfDay(updatedAt)}`;
  }
};
