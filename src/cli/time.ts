import { InvalidArgumentError } from 'commander';

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3600_000, d: 24 * 3600_000 };

/** A point in time, in milliseconds since 1970: it moves with the clock where it was given as how long ago. */
export type Moment = (now: number) => number;

/** Reads a point in time: how long ago (`90s`, `15m`, `2h`, `7d`), or a date (`2026-11-23T10:00`). */
export function moment(text: string): Moment {
  const ago = /^(\d+)([smhd])$/.exec(text);
  if (ago !== null) return (now) => now - Number(ago[1]) * unitMs[ago[2]!]!;
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(date)) {
    throw new InvalidArgumentError('Expected a time such as 15m, 2h, 7d or 2026-11-23T10:00.');
  }
  return () => date;
}

/** `2026-11-23 10:04` of the local day. */
export function dateTime(time: number): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `10:04:59.123` of the local day. */
export function clockTime(time: number): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
