import { count, make, setText, span } from './format.js';
import { readTime } from './local-time.js';
import { fieldsOf, numberOf, onSubmit, sendJson } from './send-form.js';

export const prepareCouponForm = () => {
  const form = document.getElementById('coupon-form');
  onSubmit(form, async () => {
    const { name, amount, starts_at, ends_at } = form.elements;
    const times = { starts_at: readTime(starts_at), ends_at: readTime(ends_at) };
    const body = { name: name.value, amount: numberOf(amount.value), ...times };
    const response = await sendJson(form, { method: 'POST', path: '/api/coupons', body });
    if (!response) return;
    const coupon = await response.json();
    form.reset();
    setText(form.querySelector('.result'), `${coupon.name} was created with ${count(coupon.amount)} units.`);
    form.elements.namedItem('name').focus();
  });
};

const LABELS = {
  claimed: 'claimed',
  already_claimed: 'already claimed',
  out_of_stock: 'no stock',
};

const result = document.getElementById('test-result');
const progress = document.getElementById('test-progress');
const verdict = document.getElementById('test-verdict');

export const prepareTestSale = () => {
  const form = document.getElementById('test-form');
  onSubmit(form, async () => {
    const numbers = fieldsOf(form).map(({ name, value }) => [name, numberOf(value)]);
    const body = Object.fromEntries(numbers);
    const response = await sendJson(form, { method: 'POST', path: '/live/test-sale', body });
    if (!response) return;
    document.getElementById('test-dialog').close();
    verdict.hidden = true;
    progress.value = 0;
    progress.hidden = result.hidden = false;
    try {
      for await (const line of linesOf(response.body)) showLine(line);
    } catch {
      say('The API ended the test sale.');
    } finally {
      progress.hidden = true;
    }
  });
};

const say = (text) => setText(result.querySelector('.result'), text);

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n');
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

const showLine = (line) => {
  if (line.total !== undefined) {
    progress.max = line.total;
    say(`Running as “${line.coupon}”.`);
  }
  if (line.done !== undefined) progress.value = line.done;
  if (line.expected === undefined) return;
  const { asExpected, stopped, seconds, done, remaining, claims } = line;
  const { rate_limited = 0, overloaded = 0 } = line.counts;
  const rejected = rate_limited + overloaded > 0 ? `, ${count(rate_limited + overloaded)} of them rejected` : '';
  const took = `${count(done)} claims in ${span(seconds * 1_000)}${rejected}.`;
  say(stopped ? `Stopped early. ${took}` : `${asExpected ? 'Exactly as expected.' : 'Not as expected.'} ${took}`);
  verdict.dataset.exact = String(asExpected);
  verdict.querySelector('caption').textContent =
    `Afterwards MongoDB has ${count(claims)} claims and ${count(remaining)} units left.`;
  const codes = [...new Set([...Object.keys(LABELS), ...Object.keys(line.counts)])];
  const rows = codes.map((code) => rowOf(code, line.expected[code] ?? 0, line.counts[code] ?? 0));
  verdict.querySelector('tbody').replaceChildren(...rows);
  verdict.hidden = false;
};

const rowOf = (code, expected, counted) => {
  const row = make('tr', expected === counted ? '' : 'wrong');
  const head = make('th', '', LABELS[code] ?? code.replaceAll('_', ' '));
  head.scope = 'row';
  row.append(head, make('td', '', count(expected)), make('td', '', count(counted)));
  return row;
};
