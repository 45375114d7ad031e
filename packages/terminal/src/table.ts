import stringWidth from 'string-width';

/** A column: its heading, and what it says of a row. The first is set left, the others right. */
export interface Column<Row> {
  heading: string;
  cell(row: Row): string;
}

/** Aligned lines, the heading first. */
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
          const blanks = ' '.repeat((widths[index] ?? 0) - stringWidth(cell));
          return index === 0 ? cell + blanks : blanks + cell;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

/** A text as it is, or its beginning where it is wider than so many columns of a terminal: 🎟 and 票 take two. */
export const clip = (text: string, columns: number): string => {
  if (stringWidth(text) <= columns) return text;
  let clipped = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(clipped + segment) > columns - 1) break;
    clipped += segment;
  }
  return `${clipped}…`;
};

/** A number with as many decimals as its size deserves. */
export const inWords = (value: number | undefined): string => {
  if (value === undefined || Number.isNaN(value)) return '—';
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
};

/** A whole number, its thousands set apart. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** How often each thing was: a line for each, in the order given. */
export const timesTable = (heading: string, times: Iterable<readonly [string, number]>): string =>
  tableOf(
    [
      { heading, cell: ([what]) => what },
      { heading: 'times', cell: ([, often]) => count(often) },
    ],
    [...times],
  );
