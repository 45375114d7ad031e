import { hash } from 'node:crypto';
import type { ClaimFields, ClaimStatus } from '@flashclaim/core';
import { type Mongo, retryTransaction } from '@flashclaim/store';
import { type ClientSession, type Filter, type FindOptions, ObjectId, type Sort } from 'mongodb';
import { decodeCursor, encodeCursor, invalidCursor } from '../../http/cursor.ts';
import { type Page, toPage } from '../../http/page.ts';
import { STATUS_FIELDS, toClaimStatus } from './to-claim-status.ts';

const LIST = 'user';

/** Characters of the hash that stands for the user in a cursor: 64 bits and more. */
const SCOPE_CHARS = 11;

export interface UserClaimsQuery {
  /** Normalised. */
  userId: string;
  limit: number;
  /** A cursor. */
  after: string | undefined;
}

type Claim = ClaimFields<ObjectId>;

/** The live claims of a user come first, by coupon id; then those that have ended, by their end, and by id at the same time. */
type Position = { of: 'live'; couponId: ObjectId } | { of: 'ended'; endedAt: Date; id: string };

/**
 * Lists the claims of a user on all coupons. Each page is one snapshot. A claim that is released between two pages may be
 * listed twice: live, then released.
 * @throws ProblemError `invalid_request` where the cursor is not of this list.
 */
export const listClaimsOfUser = async (mongo: Mongo, query: UserClaimsQuery): Promise<Page<ClaimStatus>> => {
  const { userId, limit, after } = query;
  // No cursor contains a user id: cursors appear in addresses, and those in logs of proxies.
  const scope = hash('sha256', userId, 'base64url').slice(0, SCOPE_CHARS);
  const position = after === undefined ? undefined : toPosition(decodeCursor(LIST, scope, after));
  const found = await retryTransaction(mongo.client, (session) =>
    readClaimsOfUser({ mongo, session }, userId, position, limit + 1),
  );
  return toPage(found, limit, {
    toItem: toClaimStatus,
    toCursor: (last) => encodeCursor(LIST, scope, positionOf(last)),
  });
};

/** Two reads of one transaction: a claim that is released meanwhile is in one of them, and only in one. */
const readClaimsOfUser = async (
  { mongo, session }: { mongo: Mongo; session: ClientSession },
  user_id: string,
  position: Position | undefined,
  limit: number,
): Promise<Claim[]> => {
  const read = (filter: Filter<Claim>, sort: Sort, max: number, options: FindOptions = {}): Promise<Claim[]> =>
    mongo.claims
      .find(filter, {
        session,
        projection: { ...STATUS_FIELDS, coupon_id: 1 },
        batchSize: max + 1,
        ...options,
      })
      .sort(sort)
      .limit(max)
      .toArray();
  const live =
    position?.of === 'ended'
      ? []
      : await read({ user_id, ordinal: 1, ...(position && afterCoupon(position)) }, { coupon_id: 1 }, limit);
  if (live.length === limit) return live;
  const since = position?.of === 'ended' ? afterEnd(position) : { ended_at: { $exists: true } };
  // Without the hint, MongoDB might scan the index of all claim ids for those of the same end.
  const hint = { user_id: 1, ended_at: 1 };
  const ended = await read({ user_id, ...since }, { ended_at: 1, _id: 1 }, limit - live.length, { hint });
  return [...live, ...ended];
};

const afterCoupon = ({ couponId }: Extract<Position, { of: 'live' }>): Filter<Claim> => ({
  coupon_id: { $gt: couponId },
});

const afterEnd = ({ endedAt, id }: Extract<Position, { of: 'ended' }>): Filter<Claim> => ({
  ended_at: { $gte: endedAt },
  $or: [{ ended_at: { $gt: endedAt } }, { _id: { $gt: id } }],
});

const positionOf = ({ _id, coupon_id, ended_at }: Claim): (string | number)[] =>
  ended_at ? ['ended', ended_at.getTime(), _id] : ['live', coupon_id.toHexString()];

const toPosition = ([of, ...keys]: (string | number)[]): Position => {
  const [first, second] = keys;
  if (of === 'live' && keys.length === 1 && typeof first === 'string' && /^[\da-f]{24}$/.test(first))
    return { of, couponId: new ObjectId(first) };
  if (of === 'ended' && keys.length === 2 && typeof first === 'number' && typeof second === 'string') {
    const endedAt = new Date(first);
    // Outside the range of a date, and for fractions, the time is another one.
    if (endedAt.getTime() === first) return { of, endedAt, id: second };
  }
  throw invalidCursor();
};
