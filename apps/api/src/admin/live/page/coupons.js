import { count, make, rate, setText, span, timeOfDay } from './format.js';

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
  const end = make('p', 'end');
  item.append(title, state, left, bar, pace, end);
  return { item, state, left, of, bar, rest, speed, end };
};

const fill = (card, { amount, remaining, claimsPerSecond, createdAt, updatedAt }) => {
  const share = remaining / amount;
  const [key, text] = stateOf({ amount, remaining, claimsPerSecond });
  card.item.dataset.state = key;
  setText(card.state, text);
  setText(card.left, count(remaining));
  card.left.classList.toggle('long', remaining > 9_999_999);
  setText(card.of, `of ${count(amount)} left`);
  card.bar.setAttribute('aria-valuemax', String(amount));
  card.bar.setAttribute('aria-valuenow', String(remaining));
  card.bar.setAttribute('aria-valuetext', `${count(remaining)} of ${count(amount)} left`);
  // A bar is never empty while units remain.
  card.rest.style.inlineSize = `${remaining === 0 ? 0 : Math.max(0.6, share * 100)}%`;
  setText(card.speed, key === 'selling' ? `${rate(claimsPerSecond)} per second` : '');
  setText(card.end, endOf({ key, remaining, claimsPerSecond, createdAt, updatedAt }));
};

const stateOf = ({ amount, remaining, claimsPerSecond }) => {
  if (remaining === 0) return ['sold-out', 'Sold out'];
  if (claimsPerSecond > 0) return ['selling', 'Selling'];
  return remaining === amount ? ['fresh', 'New'] : ['quiet', 'Quiet'];
};

const endOf = ({ key, remaining, claimsPerSecond, createdAt, updatedAt }) => {
  if (key === 'sold-out') return `last unit at ${timeOfDay(updatedAt)}`;
  if (key === 'selling') return `sold out in ${span((remaining / claimsPerSecond) * 1_000)} at this rate`;
  return key === 'fresh' ? `created at ${timeOfDay(createdAt)}` : `last claim at ${timeOfDay(updatedAt)}`;
};
