import { count, make, setText, span } from './format.js';

const NO_ANSWER = 'The API does not answer. The request may have been carried out: check before you try again.';

const fieldsOf = (form) => [...form.querySelectorAll('input')];

const clearErrors = (form) => {
  for (const input of fieldsOf(form)) showError(form, input.name, '');
  setText(form.querySelector('.result'), '');
};

const showError = (form, name, text) => {
  const input = form.elements.namedItem(name);
  input.setAttribute('aria-invalid', String(text !== ''));
  setText(document.getElementById(input.getAttribute('aria-describedby')), text);
};

/** Shows a problem next to the field that it names, or below the form. */
const showProblem = (form, { code, detail, title }) => {
  const named = code === 'name_taken' ? 'name' : fieldsOf(form).find(({ name }) => detail.startsWith(`${name} `))?.name;
  if (!named) {
    setText(form.querySelector('.result'), detail || title);
    return;
  }
  const rest = detail.startsWith(`${named} `) ? detail.slice(named.length + 1) : detail;
  showError(form, named, rest === 'is missing.' ? 'Is missing.' : rest.charAt(0).toUpperCase() + rest.slice(1));
  form.elements.namedItem(named).focus();
};

/** The number; or the text where it is no number, so that the API says what is wrong; undefined where it is empty. */
const numberOf = (text) => {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
};

const post = (path, body) =>
  fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const readProblem = async (response) =>
  response.json().catch(() => ({ code: '', detail: `The API answered ${response.status}.` }));

/** Sends a form, once at a time. Shows a message where the API does not answer. */
const onSubmit = (form, send) => {
  const button = form.querySelector('button');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled') === 'true') return;
    clearErrors(form);
    button.setAttribute('aria-disabled', 'true');
    try {
      await send();
    } catch {
      setText(form.querySelector('.result'), NO_ANSWER);
    } finally {
      button.setAttribute('aria-disabled', 'false');
    }
  });
};

export const prepareCouponForm = () => {
  const form = document.getElementById('coupon-form');
  onSubmit(form, async () => {
    const { name, amount } = Object.fromEntries(fieldsOf(form).map((field) => [field.name, field.value]));
    const response = await post('/api/coupons', { name, amount: numberOf(amount) });
    if (!response.ok) {
      showProblem(form, await readProblem(response));
      return;
    }
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

export const prepareTestSale = () => {
  const form = document.getElementById('test-form');
  const progress = document.getElementById('test-progress');
  const verdict = document.getElementById('test-verdict');
  onSubmit(form, async () => {
    verdict.hidden = true;
    const numbers = fieldsOf(form).map(({ name, value }) => [name, numberOf(value)]);
    const response = await post('/live/test-sale', Object.fromEntries(numbers));
    if (!response.ok) {
      showProblem(form, await readProblem(response));
      return;
    }
    progress.value = 0;
    progress.classList.remove('idle');
    try {
      for await (const line of linesOf(response.body)) showLine(line, { form, progress, verdict });
    } finally {
      progress.classList.add('idle');
    }
  });
};

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n');
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

const showLine = (line, { form, progress, verdict }) => {
  const result = form.querySelector('.result');
  if (line.total !== undefined) {
    progress.max = line.total;
    setText(result, `Running as “${line.coupon}”.`);
  }
  if (line.done !== undefined) progress.value = line.done;
  if (line.expected === undefined) return;
  const { asExpected, stopped, seconds, done, remaining, claims } = line;
  const took = `${count(done)} claims in ${span(seconds * 1_000)}.`;
  setText(
    result,
    stopped ? `Stopped early. ${took}` : `${asExpected ? 'Exactly as expected.' : 'Not as expected.'} ${took}`,
  );
  verdict.dataset.exact = String(asExpected);
  verdict.caption.textContent = `Afterwards MongoDB has ${count(claims)} claims and ${count(remaining)} units left.`;
  const codes = [...new Set([...Object.keys(LABELS), ...Object.keys(line.counts)])];
  const rows = codes.map((code) => rowOf(code, line.expected[code] ?? 0, line.counts[code] ?? 0));
  verdict.tBodies[0].replaceChildren(...rows);
  verdict.hidden = false;
};

const rowOf = (code, expected, counted) => {
  const row = make('tr', expected === counted ? '' : 'wrong');
  const head = make('th', '', LABELS[code] ?? code.replaceAll('_', ' '));
  head.scope = 'row';
  row.append(head, make('td', '', count(expected)), make('td', '', count(counted)));
  return row;
};
