import type { ExportFormat } from './export-formats.ts';
import type { ReadClaims } from './read-claims.ts';
import { toClaimStatus } from './to-claim-status.ts';

/** Claims that one read of an export returns at most. */
export const EXPORT_RANGE = 10_000;

/** Claims in one piece of text: making a longer one would delay the claims of this process. */
const PIECE_MAX = 500;

/**
 * The text of an export, piece by piece. While the caller takes a piece, no cursor is open: each range was read whole.
 * Without an end line where a read fails.
 * @param read reads the range after a sequence number.
 */
export async function* exportClaims(
  read: (after: number) => Promise<ReadClaims>,
  { head, toLine, toEnd }: ExportFormat,
): AsyncGenerator<string> {
  let count = 0;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { claims, next }: ReadClaims = await read(after);
    // Only now: where the first read fails, the answer is a problem.
    if (after === 0 && head !== '') yield head;
    for (let start = 0; start < claims.length; start += PIECE_MAX) {
      const piece = claims.slice(start, start + PIECE_MAX);
      yield piece.map((claim) => toLine(toClaimStatus(claim))).join('');
    }
    count += claims.length;
    after = next;
  }
  yield toEnd(count);
}
