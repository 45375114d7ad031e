import { NAME_MAX_CHARS } from './limits.ts';

/** What every name (`name`, `coupon_name`, `user_id`) must be; part of the error a caller reads. */
export const NAME_RULE = `1 to ${NAME_MAX_CHARS} characters, not only blanks, without control characters`;

/** What the name of a coupon must be: its address ends in it. */
export const COUPON_NAME_RULE = `${NAME_RULE}, and neither . nor ..`;

/** Unicode's control characters, and surrogates without a partner, which no store keeps as they are. */
const FORBIDDEN = /[\p{Cc}\p{Cs}]/u;
const NOT_BLANK = /[^\p{White_Space}]/u;
/** Every string of these is in normal form already, and needs no closer look. */
const PLAIN = /^[\x21-\x7e][\x20-\x7e]{0,254}$/;

/** The one form in which a name is compared and stored: Unicode NFC. Two names that normalise alike are one name. */
export const normaliseName = (name: string): string => (PLAIN.test(name) ? name : name.normalize('NFC'));

/** Whether a string, once normalised, may be a name. See {@link NAME_RULE}. */
export const isName = (value: string): boolean => {
  if (PLAIN.test(value)) return true;
  // Longer than this, no normal form is short enough: composition joins at most a few code points into one.
  if (value.length > NAME_MAX_CHARS * 16) return false;
  const name = value.normalize('NFC');
  return !FORBIDDEN.test(name) && NOT_BLANK.test(name) && [...name].length <= NAME_MAX_CHARS;
};

/**
 * Whether a string may be the name of a new coupon. Two names lead nowhere in an address: browsers and `fetch` take them for
 * folders, however they are escaped. Claims and reads may name them all the same, and find no such coupon.
 */
export const isCouponName = (value: string): boolean => isName(value) && value !== '.' && value !== '..';
