import { count, setText, span } from './format.js';

const element = document.getElementById('summary');

/** Sums up the sale at the top once it is sold out. */
export const showSummary = ({ sale, coupons, comparison }) => {
  const coupon = coupons?.shown.find(({ id }) => id === sale?.couponId);
  const isSold = coupon?.remaining === 0 && sale.points.length > 0;
  setText(element, isSold ? `${describe(coupon, sale)}; ${verdictOf(sale, comparison)}.` : '');
};

const describe = ({ amount }, { points, answers }) => {
  const took = points.at(-1)[0] - points[0][0];
  const units = `${count(amount)} unit${amount === 1 ? '' : 's'}`;
  const users = `${count(amount)} user${amount === 1 ? '' : 's'}`;
  const sold = `${units} in ${took < 100 ? 'under 0.1\u00a0s' : unbroken(took)} to ${users}`;
  return answers ? `${sold}; ${count(answers.refused)} refused; p99 ${unbroken(answers.p99Ms)}` : sold;
};

/** A time whose number and unit stay on one line. */
const unbroken = (ms) => span(ms).replace(' ', '\u00a0');

/** Of a comparison after the last grant. */
const verdictOf = ({ couponId, points }, comparison) => {
  if (!comparison || comparison.at < points.at(-1)[0]) return 'audit runs';
  if (comparison.matching.includes(couponId)) return 'audit clean';
  return comparison.tooLarge.includes(couponId) ? 'too many claims to count here: npm run audit' : 'audit not clean';
};
