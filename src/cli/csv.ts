type Cell = string | number | boolean | null;

/** Lines of comma-separated values, RFC 4180, with a line of names first; what is `null` stands empty. */
export function csv<Row extends Readonly<Record<keyof Row, Cell>>>(
  names: readonly (keyof Row & string)[],
  rows: readonly Row[],
): string[] {
  return [csvLine(names), ...rows.map((row) => csvLine(names.map((name) => row[name])))];
}

/** One line of comma-separated values. */
export function csvLine(cells: readonly Cell[]): string {
  return cells.map(cellText).join(',');
}

function cellText(value: Cell): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
