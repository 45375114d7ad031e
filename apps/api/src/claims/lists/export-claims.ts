import type { ExportFormat } from './export-formats.ts';
import type { Convert, FoundClaims } from './read-claims.ts';
import { toClaimStatus } from './to-claim-status.ts';

/** Claims that one read of an export returns at most. */
export const EXPORT_RANGE = 10_000;

/** Reads a range of claims: see `readClaims`. */
export type ReadRange = <T>(after: number, convert: Convert<T>) => Promise<FoundClaims<T>>;

interface Piece {
  text: Buffer;
  claims: number;
}

/**
 * The text of an export, piece by piece. While the caller takes a piece, no cursor is open: each range was read whole.
 * Without an end line where a read fails.
 */
export async function* exportClaims(read: ReadRange, { head, toLine, toEnd }: ExportFormat): AsyncGenerator<Buffer> {
  let count = 0;
  for (let after: number | undefined = 0; after !== undefined; ) {
    // As bytes at once: the documents of a whole range would outlive the garbage collector's young generation, and need more
    // memory than this process otherwise has.
    const { batches, next }: FoundClaims<Piece> = await read(after, (batch) => ({
      text: Buffer.from(batch.map((claim) => toLine(toClaimStatus(claim))).join('')),
      claims: batch.length,
    }));
    if (after === 0) yield Buffer.from(head);
    for (const { text, claims } of batches) {
      count += claims;
      yield text;
    }
    after = next;
  }
  yield Buffer.from(toEnd(count));
}
