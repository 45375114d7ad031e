import { askToPause, openChanges } from './coupon-dialogs.js';
import { count, make, rate, setText, span, timeOfDay } from './format.js';
import { describeWindow } from './local-time.js';

const list = document.getElementById('coupon-list');
const top = document.getElementById('sale-card');
const cards = new Map();

/** Shows the coupons as cards: one at the top, the others in the list. A card stays the same element while it is shown. */
export const showCoupons = (coupons, topId) => {
  document.getElementById('empty').hidden = coupons.length > 0;
  document.getElementById('sale').hidden = topId === undefined;
  document.getElementById('coupons').hidden = coupons.length < 2;
  const gone = new Set(cards.keys());
  let place = 0;
  for (const coupon of coupons) {
    gone.delete(coupon.id);
    const card = cards.get(coupon.id) ?? makeCard(coupon);
    cards.set(coupon.id, card);
    if (coupon.id === topId) put(card, top, 0);
    else put(card, list, place++);
    fill(card, coupon);
  }
  for (const id of gone) {
    cards.get(id).item.remove();
    cards.delete(id);
  }
};

/** Moves a card only where it is elsewhere: a moved element loses the focus. */
const put = ({ item }, parent, index) => {
  if (parent.children[index] !== item) parent.insertBefore(item, parent.children[index] ?? null);
};

const makeCard = ({ name, id }) => {
  const item = make('article', 'coupon');
  item.setAttribute('aria-labelledby', `coupon-${id}`);
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
