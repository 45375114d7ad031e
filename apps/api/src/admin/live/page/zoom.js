/** What the charts show of the time: the sale at the top from its first claim, or the last seconds. */
const buttons = [...document.querySelectorAll('[data-zoom]')];
/** A sale goes on while there is stock, even if nobody claims for this long. */
const PAUSE_MS = 60_000;
/** Callers who come too late belong to the sale, until nobody came for this long. */
const LATE_MS = 2_000;
const SHORTEST_MS = 1_000;

let chosen = 'sale';

/** Calls `onChange` when another time is chosen. */
export const prepareZoom = (onChange) => {
  for (const button of buttons)
    button.addEventListener('click', () => {
      chosen = button.dataset.zoom;
      for (const other of buttons) other.setAttribute('aria-pressed', String(other === button));
      onChange();
    });
};

/**
 * From when to when, in ms, and the time that the axis calls 0: the first claim of the sale, or now. Without a sale, the last
 * three minutes.
 */
export const shownTime = ({ at, sale, coupons }) => {
  const [first] = sale?.points ?? [];
  if (chosen !== 'sale' || !first) return lastSeconds(at, Number(chosen) || 180);
  const [start] = first;
  const lastAnswer = Math.max(sale.points.at(-1)[0], sale.answers?.lastAt ?? 0);
  const { remaining } = coupons.shown.find(({ id }) => id === sale.couponId);
  const isOver = at - lastAnswer > (remaining === 0 ? LATE_MS : PAUSE_MS);
  return { from: start, to: Math.max(isOver ? lastAnswer : at, start + SHORTEST_MS), zero: start };
};

export const lastSeconds = (at, seconds) => ({ from: at - seconds * 1_000, to: at, zero: at });
