import type { ClaimStatus } from '@flashclaim/core';

/** A format of an export. Its last line says how many claims there are, so that an export that was cut off shows. */
export interface ExportFormat {
  contentType: string;
  /** The text before the first claim. */
  head: string;
  toLine(claim: ClaimStatus): string;
  toEnd(count: number): string;
}

const CSV_COLUMNS = ['sequence', 'claim_id', 'user_id', 'coupon_name', 'status', 'claimed_at', 'ended_at'] as const;

/**
 * A spreadsheet takes a cell that begins like this as a formula, also with the full-width forms. The apostrophe is here so that
 * no two texts become the same cell.
 */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20']/;

/** A cell by RFC 4180. A formula is prefixed by an apostrophe, so that it stays a text. */
const toCell = (value: string | number | undefined = ''): string => {
  const text = String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** JSON allows them in a string, but some readers take them as the end of a line. */
const LINE_SEPARATORS = /[\u2028\u2029]/g;

const toEscape = (char: string): string => `\\u${char.charCodeAt(0).toString(16)}`;

export const EXPORT_FORMATS = {
  'application/x-ndjson': {
    contentType: 'application/x-ndjson; charset=utf-8',
    head: '',
    toLine: (claim) => `${JSON.stringify(claim).replace(LINE_SEPARATORS, toEscape)}\n`,
    toEnd: (count) => `{"count":${count}}\n`,
  },
  'text/csv': {
    contentType: 'text/csv; charset=utf-8',
    head: `${CSV_COLUMNS.join()}\r\n`,
    toLine: (claim) => `${CSV_COLUMNS.map((column) => toCell(claim[column])).join()}\r\n`,
    toEnd: (count) => `#count,${count}\r\n`,
  },
} satisfies Record<string, ExportFormat>;
export type ExportType = keyof typeof EXPORT_FORMATS;
