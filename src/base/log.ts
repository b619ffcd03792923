import type { DestinationStream } from 'pino';

/** What rooms write to: an object of fields, then a sentence. Never the text of an utterance. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** syslog priorities, which the journal reads from a `<n>` before a line. */
const journalPriority: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3, fatal: 2 };

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `json` one object a line, `journal` the same with a priority in front, `pretty` for a terminal. */
  readonly format: 'json' | 'journal' | 'pretty';
  /** Where lines go; standard error unless given. */
  readonly destination?: DestinationStream;
}

/** The format that suits where standard error leads: the journal, a terminal, or a file. */
export function logFormatFor(env: NodeJS.ProcessEnv, isTerminal: boolean): LoggerOptions['format'] {
  if (env['JOURNAL_STREAM'] !== undefined) return 'journal';
  return isTerminal ? 'pretty' : 'json';
}

/** Makes the one logger of a process. Lines are written before the call returns: none is lost in a crash. */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  // A command that only prints does not wait for it.
  const { pino, stdTimeFunctions } = await import('pino');
  const target = options.destination ?? pino.destination({ dest: 2, sync: true });
  const logger: Logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    await stream(options.format, target),
  );
  return logger;
}

async function stream(
  format: LoggerOptions['format'],
  target: DestinationStream,
): Promise<DestinationStream> {
  if (format === 'json') return target;
  if (format === 'journal') {
    return {
      write: (line) => {
        target.write(withPriority(line));
      },
    };
  }
  // Only a person at a terminal pays for its memory.
  const { default: pretty } = await import('pino-pretty');
  const lines = pretty({ colorize: true, translateTime: 'SYS:HH:MM:ss', sync: true, destination: 2 });
  return {
    write: (line) => {
      lines.write(line);
    },
  };
}

function withPriority(line: string): string {
  const level = /"level":"(\w+)"/.exec(line)?.[1] ?? 'info';
  return `<${journalPriority[level] ?? 6}>${line}`;
}

/** Writes nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
