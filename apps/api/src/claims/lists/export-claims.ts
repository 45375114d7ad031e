import type { ExportFormat } from './export-formats.ts';
import type { Take } from './read-claims.ts';
import { toClaimStatus } from './to-claim-status.ts';

/** Claims that one read of an export returns at most. */
export const EXPORT_RANGE = 10_000;

/** Reads a range of claims: see `readClaims`. */
export type ReadRange = (after: number, begin: () => Take) => Promise<number | undefined>;

/**
 * The text of an export, piece by piece. While the caller takes a piece, no cursor is open: each range was read whole.
 * Without an end line where a read fails.
 */
export async function* exportClaims(read: ReadRange, { head, toLine, toEnd }: ExportFormat): AsyncGenerator<Buffer> {
  let count = 0;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const first = after === 0 ? [Buffer.from(head)] : [];
    let pieces: Buffer[] = [];
    let found = 0;
    // As bytes at once: the documents of a whole range would outlive the garbage collector's young generation, and need more
    // memory than this process otherwise has.
    after = await read(after, () => {
      pieces = [...first];
      found = 0;
      return (batch) => {
        pieces.push(Buffer.from(batch.map((claim) => toLine(toClaimStatus(claim))).join('')));
        found += batch.length;
      };
    });
    count += found;
    yield* pieces;
  }
  yield Buffer.from(toEnd(count));
}
