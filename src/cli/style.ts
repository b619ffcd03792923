import type { Io } from './io.js';

/** Ways to mark text on a terminal; plain text elsewhere. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

export function styleFor({ color }: Pick<Io, 'color'>): Style {
  const mark =
    (start: number, end: number) =>
    (text: string): string =>
      color ? `\u001b[${start}m${text}\u001b[${end}m` : text;
  return { bold: mark(1, 22), dim: mark(2, 22), good: mark(32, 39), bad: mark(31, 39) };
}
