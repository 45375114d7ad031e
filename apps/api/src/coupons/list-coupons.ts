import type { Coupon } from '@flashclaim/core';
import { type Mongo, retryTransaction } from '@flashclaim/store';
import { decodeCursor, encodeCursor, invalidCursor } from '../http/cursor.ts';
import { type Page, toPage } from '../http/page.ts';
import { type ReadFields, toCoupon } from './read-coupon.ts';

const LIST = 'coupons';

export interface CouponsQuery {
  /** Normalised. Empty: all coupons. */
  prefix: string;
  limit: number;
  /** A cursor. */
  after: string | undefined;
}

/**
 * Lists coupons whose names begin with a prefix, by name, in the order of code points.
 * @throws ProblemError `invalid_request` where the cursor is not of this list.
 */
export const listCoupons = async ({ client, coupons }: Mongo, query: CouponsQuery): Promise<Page<Coupon>> => {
  const { prefix, limit } = query;
  const stages = [
    { $match: { name: namesOf(query) } },
    { $sort: { name: 1 } },
    { $limit: limit + 1 },
    { $set: { now: '$$NOW' } },
  ];
  // The majority reads of a new primary may lag behind what was acknowledged.
  const found = await retryTransaction(client, (session) =>
    coupons.aggregate<ReadFields>(stages, { session, batchSize: limit + 2 }).toArray(),
  );
  return toPage(found, limit, {
    toItem: (coupon) => toCoupon(coupon, undefined),
    toCursor: ({ name }) => encodeCursor(LIST, prefix, [name]),
  });
};

/** A range of the index on `name`. MongoDB compares strings by their UTF-8 bytes, that is, by code points. */
const namesOf = ({ prefix, after }: CouponsQuery) => {
  const end = afterPrefix(prefix);
  return { $gte: prefix, ...(end !== undefined && { $lt: end }), ...(after && { $gt: nameOf(prefix, after) }) };
};

const nameOf = (prefix: string, after: string): string => {
  const [name, ...others] = decodeCursor(LIST, prefix, after);
  if (typeof name !== 'string' || others.length > 0) throw invalidCursor();
  return name;
};

const CODE_POINT_MAX = 0x10_ffff;
const SURROGATES = { first: 0xd800, last: 0xdfff };

/** The first string after all that begin with this prefix; undefined where there is none. */
const afterPrefix = (prefix: string): string | undefined => {
  const points = [...prefix].map((char) => char.codePointAt(0) as number);
  while (points.at(-1) === CODE_POINT_MAX) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last + 1 === SURROGATES.first ? SURROGATES.last + 1 : last + 1);
};
