/** Converts between the times of the API, which have an offset, and fields that have the local time of the browser. */
const two = (number) => String(number).padStart(2, '0');

/** The name of the browser's time zone, for example Europe/Berlin. */
export const timeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

const windowFormat = new Intl.DateTimeFormat(undefined, {
  ...{ year: 'numeric', month: 'short', day: 'numeric' },
  ...{ hour: 'numeric', minute: '2-digit', timeZoneName: 'short' },
});

/** From when and until when a coupon accepts claims, in words; empty where it always does. */
export const describeWindow = (startsAt, endsAt) => {
  if (startsAt !== undefined && endsAt !== undefined) return windowFormat.formatRange(startsAt, endsAt);
  if (startsAt !== undefined) return `from ${windowFormat.format(startsAt)}`;
  return endsAt === undefined ? '' : `until ${windowFormat.format(endsAt)}`;
};

/** A time in ms as the value of a field. Seconds only where there are some. */
export const toLocal = (ms) => {
  if (ms === undefined) return '';
  const date = new Date(ms);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const seconds = date.getSeconds() === 0 ? '' : `:${two(date.getSeconds())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}${seconds}`;
};

/** The time in a field, in RFC 3339 with the offset of that day; undefined where the field is empty. */
export const readTime = ({ value }) => {
  if (value === '') return undefined;
  const minutes = -new Date(value).getTimezoneOffset();
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return `${value}${/T\d\d:\d\d$/.test(value) ? ':00' : ''}${offset}`;
};
