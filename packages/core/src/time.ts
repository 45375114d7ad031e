/** The rule for a time, as error details state it. */
export const TIME_RULE =
  'a time of RFC 3339 with an offset, such as 2026-11-27T09:00:00Z or 2026-11-27T10:00:00+01:00, and no leap second';

/** The `date-time` of RFC 3339, without the ranges of its numbers. */
const TIME = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

const MINUTE_MS = 60_000;

/** The times that RFC 3339 can express in UTC: its years have four digits. */
const FIRST = new Date('0000-01-01T00:00:00.000Z');
const LAST = new Date('9999-12-31T23:59:59.999Z');

/**
 * Reads a time of RFC 3339; undefined where it is none, or is not in the years 0000 to 9999 of UTC. Digits below a millisecond
 * are cut off. A leap second is none: no store could keep it.
 */
export const readTime = (text: string): Date | undefined => {
  const [, day, time, fraction = '', sign, hours = '00', minutes = '00'] = TIME.exec(text) ?? [];
  if (day === undefined || hours > '23' || minutes > '59') return undefined;
  const local = `${day}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const date = new Date(local);
  // The parser moves a day that does not exist into the next month.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== local) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  const utc = new Date(date.getTime() - (sign === '-' ? -offset : offset));
  return utc < FIRST || utc > LAST ? undefined : utc;
};

/** Whether a text is a time of RFC 3339. */
export const isTime = (text: string): boolean => readTime(text) !== undefined;
