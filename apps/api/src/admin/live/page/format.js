/** Formats numbers and times in the locale of the browser. */
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export const count = (value) => whole.format(value);

/** A rate. Small ones have a decimal digit, so that one claim in two seconds is not 0. */
export const rate = (value) => (value < 10 ? oneDigit : whole).format(value);

/** A duration in ms, in the unit that reads best. */
export const span = (ms) => {
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  if (ms < 60_000) return `${oneDigit.format(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${whole.format(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${oneDigit.format(ms / 3_600_000)} h`;
  return `${whole.format(ms / 86_400_000)} days`;
};

/** A time on an axis, in seconds before or after a moment. */
export const offset = (seconds) => {
  const [sign, at] = [seconds < 0 ? '−' : '', Math.abs(seconds)];
  if (at < 60) return `${sign}${oneDigit.format(at)} s`;
  if (at < 3_600) return `${sign}${oneDigit.format(at / 60)} min`;
  return `${sign}${oneDigit.format(at / 3_600)} h`;
};

export const timeOfDay = (ms) => clock.format(ms);

/** Sets text only where it differs, to avoid redrawing. */
export const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** An element with a class and text. */
export const make = (tag, className, text = '') => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
};
