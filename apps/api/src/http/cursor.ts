import { invalidRequest, type ProblemError } from './problem.ts';

/**
 * A cursor: the position of the last entry of a page, in its list. Readers treat it as an opaque text. It is not a secret, and
 * gives no access: it holds what the page has shown.
 * @param list the kind of the list; `scope` is which of them, for example the id of a coupon.
 */
export const encodeCursor = (list: string, scope: string, position: (string | number)[]): string =>
  Buffer.from(JSON.stringify([list, scope, ...position])).toString('base64url');

/**
 * The position that a cursor names.
 * @throws ProblemError `invalid_request` where `cursor` is not one that `encodeCursor` has made for this very list.
 */
export const decodeCursor = (list: string, scope: string, cursor: string): (string | number)[] => {
  const position = positionIn(cursor);
  // Only the one text that encodes the position is accepted: decoders ignore characters that they do not know.
  if (!position || encodeCursor(list, scope, position) !== cursor) throw invalidCursor();
  return position;
};

/** The problem of a cursor that this list has not given. */
export const invalidCursor = (): ProblemError =>
  invalidRequest('after must be a cursor from an earlier page of this list.', { parameter: 'after' });

const positionIn = (cursor: string): (string | number)[] | undefined => {
  try {
    const [, , ...position] = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return position.every(isStep) ? position : undefined;
  } catch {
    return undefined;
  }
};

const isStep = (step: unknown): step is string | number => typeof step === 'string' || typeof step === 'number';

/** The cursor in the list of a coupon's claims, after the claim with this sequence number. */
export const claimsCursor = (couponId: string, sequence: number): string =>
  encodeCursor('claims', couponId, [sequence]);
