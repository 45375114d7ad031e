/** How the page writes numbers and times: as the reader's browser has them. */
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export const count = (value) => whole.format(value);

/** A rate: small ones with a digit, so that one claim in two seconds is not nothing. */
export const rate = (value) => (value < 10 ? oneDigit : whole).format(value);

/** A span of time in ms, in the unit that it is read in. */
export const span = (ms) => {
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  if (ms < 60_000) return `${oneDigit.format(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${whole.format(ms / 60_000)} min`;
  return `${oneDigit.format(ms / 3_600_000)} h`;
};

export const timeOfDay = (ms) => clock.format(ms);

/** Sets text only where it differs, so that nothing is drawn for nothing. */
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
