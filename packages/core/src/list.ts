import { type TSchema, Type } from '@sinclair/typebox';
import { ClaimStatusSchema } from './claim.ts';
import { CouponSchema } from './coupon.ts';
import { NAME_PREFIX_RULE } from './name.ts';
import { OneOfSchema } from './one-of.ts';

/** Entries of a page by default. */
export const LIST_LIMIT_DEFAULT = 100;

/** The most entries that a caller may ask for in one page. */
const LIST_LIMIT_MAX = 1_000;

/** Characters of a cursor: the longest one contains two names. */
const CURSOR_MAX_CHARS = 4_096;

/** The parameters of every list. */
export const PAGE_PARAMETERS = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIST_LIMIT_MAX,
      // Not as `default`: Ajv would add it to the query, and an export refuses a limit.
      description: `How many entries a page contains at most: ${LIST_LIMIT_DEFAULT} by default.`,
    }),
  ),
  after: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: CURSOR_MAX_CHARS,
      description: '`next` of an earlier page: the list continues after that page.',
    }),
  ),
};

/** The beginning of a name, checked by `isNamePrefix`. */
export const NamePrefixSchema = Type.String({
  format: 'name-prefix',
  description: `Only coupons whose name begins with this. ${NAME_PREFIX_RULE}; compared in Unicode NFC.`,
});

/** The statuses by which the claims of a coupon can be listed. */
const LISTED_STATUSES = ['claimed', 'released'] as const;
export type ListedStatus = (typeof LISTED_STATUSES)[number];
export const ListedStatusSchema = OneOfSchema(LISTED_STATUSES, { description: 'Only claims with this status.' });

const pageOf = <T extends TSchema>(entry: T, $id: string, description: string) =>
  Type.Object(
    {
      data: Type.Array(entry, { maxItems: LIST_LIMIT_MAX }),
      next: Type.Unsafe<string | null>({
        type: ['string', 'null'],
        description: 'Send it as `after` to read the next page. null on the last page.',
      }),
    },
    { $id, description },
  );

export const CouponListSchema = pageOf(CouponSchema, 'CouponList', 'A page of coupons.');
export const ClaimListSchema = pageOf(ClaimStatusSchema, 'ClaimList', 'A page of claims.');
