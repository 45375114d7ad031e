import { NAME_MAX_CHARS } from './limits.ts';

/** The rule for every name (`name`, `coupon_name`, `user_id`), as error details state it. */
export const NAME_RULE = `1 to ${NAME_MAX_CHARS} characters, without white space at its ends, control characters, bidi controls, or one of U+200B, U+2060 and U+FEFF`;

/** The rule for the name of a new coupon. */
export const COUPON_NAME_RULE = `${NAME_RULE}, and neither "." nor ".."`;

/**
 * Control characters; lone surrogates, which no store can keep unchanged; and invisible characters, by which two names that look
 * alike could differ. The joiners U+200C and U+200D are allowed: emoji and some scripts need them.
 */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u200b\u2060\ufeff]/u;
const WHITE_SPACE_AT_END = /^\p{White_Space}|\p{White_Space}$/u;
/** A fast path: a string that matches is a valid name in normal form. */
const PLAIN = /^[\x21-\x7e][\x20-\x7e]{0,254}(?<! )$/;

/** The form in which names are compared and stored: Unicode NFC. */
export const normaliseName = (name: string): string => (PLAIN.test(name) ? name : name.normalize('NFC'));

/** Whether a string is a valid name after normalisation. See {@link NAME_RULE}. */
export const isName = (value: string): boolean => {
  if (PLAIN.test(value)) return true;
  // No normal form of a longer string is short enough: composition joins only a few code points into one.
  if (value.length > NAME_MAX_CHARS * 16) return false;
  const name = value.normalize('NFC');
  return name !== '' && !FORBIDDEN.test(name) && !WHITE_SPACE_AT_END.test(name) && [...name].length <= NAME_MAX_CHARS;
};

/** The rule for the beginning of a name, as error details state it. */
export const NAME_PREFIX_RULE = `1 to ${NAME_MAX_CHARS} characters, without white space at its start, control characters, bidi controls, or one of U+200B, U+2060 and U+FEFF`;

/** Whether a string may be the beginning of a name, after normalisation: it may end with white space. See {@link NAME_PREFIX_RULE}. */
export const isNamePrefix = (value: string): boolean => value !== '' && (isName(`${value}.`) || isName(value));

/**
 * Whether a string may be the name of a new coupon. `.` and `..` can't be used in an address: browsers and `fetch` treat them as
 * folders, even if they are escaped. Claims and reads accept them, and find no coupon.
 */
export const isCouponName = (value: string): boolean => isName(value) && value !== '.' && value !== '..';
