import { setText } from './format.js';
import { describeWindow, readTime, timeZone, toLocal } from './local-time.js';
import { numberOf, onSubmit, openDialog, sendJson } from './send-form.js';

const pauseDialog = document.getElementById('pause-dialog');
const changeDialog = document.getElementById('change-dialog');
const SENTENCES = {
  version_conflict: 'Somebody else changed this coupon after you opened this form. Close it and open it again.',
};

/** The coupon of the open dialog, as it was when the dialog was opened. */
let coupon;
/** The values of the fields then. */
let initial = {};

/** Asks whether to pause a coupon; or to resume it, if it is paused. */
export const askToPause = (chosen) => {
  const { name, paused, startsAt, endsAt } = chosen;
  const verb = paused ? 'Resume' : 'Pause';
  const within = describeWindow(startsAt, endsAt) ? ', within its window' : '';
  open(pauseDialog, chosen);
  setText(document.getElementById('pause-title'), `${verb} ${name}?`);
  setText(
    document.getElementById('pause-effect'),
    paused
      ? `New claims are accepted again${within}.`
      : 'New claims are refused until you resume. Claims that have a unit keep it.',
  );
  setText(pauseDialog.querySelector('[type="submit"]'), verb);
};

/** Opens the form that changes the amount and the window of a coupon. */
export const openChanges = (chosen) => {
  const { name, amount, startsAt, endsAt } = chosen;
  const form = open(changeDialog, chosen);
  setText(document.getElementById('change-title'), `Change ${name}`);
  initial = { amount: String(amount), starts_at: toLocal(startsAt), ends_at: toLocal(endsAt) };
  for (const [field, value] of Object.entries(initial)) form.elements.namedItem(field).value = value;
};

export const prepareCouponDialogs = () => {
  for (const zone of document.querySelectorAll('.zone')) setText(zone, timeZone);
  prepare(pauseDialog, () => ({ paused: !coupon.paused }));
  prepare(changeDialog, (form) => {
    const changes = readChanges(form.elements);
    // The version is what protects the changes of others.
    return Object.keys(changes).length > 0 ? { ...changes, version: coupon.version } : undefined;
  });
};

const open = (dialog, chosen) => {
  coupon = chosen;
  return openDialog(dialog);
};

/** Sends what the dialog changes, and closes it where the API has accepted that. */
const prepare = (dialog, read) => {
  const form = dialog.querySelector('form');
  onSubmit(form, async () => {
    const { name } = coupon;
    const body = read(form);
    if (!body) {
      setText(form.querySelector('.result'), 'Nothing is different yet.');
      return;
    }
    const path = `/api/coupons/${encodeURIComponent(name)}`;
    if (!(await sendJson(form, { method: 'PATCH', path, body, sentences: SENTENCES }))) return;
    dialog.close();
    setText(document.getElementById('coupons-result'), describeChange(name, body));
  });
};

/** The fields that are different. An empty time removes a limit of the window. */
const readChanges = ({ amount, starts_at, ends_at }) => ({
  ...(amount.value !== initial.amount && { amount: numberOf(amount.value) ?? null }),
  ...(starts_at.value !== initial.starts_at && { starts_at: readTime(starts_at) ?? null }),
  ...(ends_at.value !== initial.ends_at && { ends_at: readTime(ends_at) ?? null }),
});

const describeChange = (name, { paused }) => {
  if (paused === undefined) return `${name} was changed.`;
  return paused ? `${name} is paused. New claims are refused.` : `${name} is resumed.`;
};
