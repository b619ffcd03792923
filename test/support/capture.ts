import type { Io } from '../../src/cli/io.js';

/** An `Io` that keeps what is written. */
export interface Captured extends Io {
  readonly printed: string[];
  readonly notes: string[];
  readonly statuses: string[];
}

export function captureIo(changes: Partial<Pick<Io, 'color' | 'columns'>> = {}): Captured {
  const [printed, notes, statuses]: [string[], string[], string[]] = [[], [], []];
  return {
    printed,
    notes,
    statuses,
    print: (text) => void printed.push(...text.split('\n')),
    note: (text) => void notes.push(...text.split('\n')),
    status: (line) => void statuses.push(line),
    color: false,
    columns: 80,
    ...changes,
  };
}
