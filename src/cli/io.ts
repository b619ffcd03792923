import { stripControls } from './text.js';

/** Where a command writes, and what it knows of who reads. */
export interface Io {
  /** Writes a line of the result to standard output. */
  print(line: string): void;
  /** Writes a line for people to standard error. */
  note(line: string): void;
  /** Replaces the line at the bottom of a terminal on standard error; nothing where there is none. */
  status(line: string): void;
  readonly color: boolean;
  /** Characters that a line of the result may have. */
  readonly columns: number;
}

const narrowest = 40;
const widest = 80;

/** The streams of this process. Colour only on a terminal, and never under `NO_COLOR` (no-color.org). */
export function processIo(process: NodeJS.Process): Io {
  const { stdout, stderr, env } = process;
  const plain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  let statusShown = false;
  const clearStatus = (): void => {
    if (statusShown) stderr.write('\r\u001b[K');
    statusShown = false;
  };
  return {
    print(line) {
      clearStatus();
      stdout.write(`${line}\n`);
    },
    note(line) {
      clearStatus();
      stderr.write(`${stripControls(line)}\n`);
    },
    status(line) {
      if (!stderr.isTTY || env['TERM'] === 'dumb') return;
      clearStatus();
      if (line === '') return;
      stderr.write(stripControls(line).slice(0, Math.max(1, (stderr.columns || widest) - 1)));
      statusShown = true;
    },
    color: stdout.isTTY && !plain,
    columns: stdout.isTTY ? Math.max(narrowest, Math.min(widest, stdout.columns || widest)) : widest,
  };
}
