import type { Io } from './io.js';
import { styleFor } from './style.js';
import { displayWidth, shorten, stripControls, wrap } from './text.js';

export interface Column {
  readonly title: string;
  /** Numbers stand to the right; text, the default, to the left. */
  readonly align?: 'left' | 'right';
  /** Left out before any text is cut short. */
  readonly spare?: boolean;
}

const gap = '  ';

/** Lines of a table no wider than the reader: spare columns go, then columns of text give way, the widest first. */
export function table(
  io: Pick<Io, 'color' | 'columns'>,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const cells = rows.map((row) => row.map(stripControls));
  const wanted = columns.map(({ title }, at) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[at] ?? ''))),
  );
  const spare = excessOf(wanted, io.columns) > 0 ? columns.findIndex((column) => column.spare === true) : -1;
  if (spare >= 0)
    return table(
      io,
      columns.toSpliced(spare, 1),
      rows.map((row) => row.toSpliced(spare, 1)),
    );
  const widths = fit(wanted, columns, io.columns);
  const line = (row: readonly string[]): string =>
    columns
      .map(({ align }, at) => {
        const text = shorten(row[at] ?? '', widths[at]!);
        const space = ' '.repeat(widths[at]! - displayWidth(text));
        return align === 'right' ? space + text : text + space;
      })
      .join(gap)
      .trimEnd();
  return [styleFor(io).bold(line(columns.map(({ title }) => title))), ...cells.map(line)];
}

function fit(wanted: readonly number[], columns: readonly Column[], room: number): number[] {
  const widths = [...wanted];
  let excess = excessOf(widths, room);
  while (excess > 0) {
    const flexible = widths.map((width, at) => (columns[at]!.align === 'right' ? 0 : width));
    const widest = Math.max(...flexible);
    if (widest <= 1) break;
    widths[flexible.indexOf(widest)]! -= 1;
    excess -= 1;
  }
  return widths;
}

/** How much wider than there is room for. */
function excessOf(widths: readonly number[], room: number): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap.length * (widths.length - 1) - room;
}

/** Lines of names and what they are, side by side, long ones continued below. */
export function listing(
  io: Pick<Io, 'color' | 'columns'>,
  entries: readonly (readonly [name: string, value: string])[],
): string[] {
  const { dim } = styleFor(io);
  const width = Math.max(...entries.map(([name]) => displayWidth(name))) + gap.length;
  return entries.flatMap(([name, value]) =>
    wrap(stripControls(value), io.columns - width).map((part, at) => {
      const label = at === 0 ? name : '';
      return dim(label) + ' '.repeat(width - displayWidth(label)) + part;
    }),
  );
}
