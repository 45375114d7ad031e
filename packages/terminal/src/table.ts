import stringWidth from 'string-width';

/** A column: its heading and its cell for a row. The first column is aligned left, the others right. */
export interface Column<Row> {
  heading: string;
  cell(row: Row): string;
}

/** A table of aligned lines, the heading first. */
export const tableOf = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string => {
  const cells = [
    columns.map((column) => column.heading),
    ...rows.map((row) => columns.map((column) => column.cell(row))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => stringWidth(line[index] ?? ''))));
  return cells
    .map((line) =>
      line
        .map((cell, index) => {
          const padding = ' '.repeat((widths[index] ?? 0) - stringWidth(cell));
          return index === 0 ? cell + padding : padding + cell;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

/** Cuts a text that is wider than this number of terminal columns. 🎟 and 票 take two columns. */
export const clip = (text: string, columns: number): string => {
  if (stringWidth(text) <= columns) return text;
  let clipped = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(clipped + segment) > columns - 1) break;
    clipped += segment;
  }
  return `${clipped}…`;
};

/** Formats a number: the larger, the fewer decimals; — for none. */
export const formatNumber = (value: number | undefined): string => {
  if (value === undefined || Number.isNaN(value)) return '—';
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
};

/** A whole number with thousands separators. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** A table of counts: one line for each entry, in the given order. */
export const timesTable = (heading: string, times: Iterable<readonly [string, number]>): string =>
  tableOf(
    [
      { heading, cell: ([name]) => name },
      { heading: 'times', cell: ([, times]) => count(times) },
    ],
    [...times],
  );
