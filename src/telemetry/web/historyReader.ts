import { execFile } from 'node:child_process';
import { IntentdError, builtProgram, messageOf, type Clock } from '../../base/index.js';
import type { History, HistoryAnswer, HistoryQuestion } from './historyQuestion.js';
import type { MinuteCount } from './intentsOfHour.js';

const longestMs = 30_000;
const longestAnswerBytes = 16 << 20;

/** How far back a page may look, in what steps, and how long it may be told the same. */
const ranges = {
  hour: { spanMs: 3_600_000, stepMs: 60_000, freshMs: 10_000 },
  day: { spanMs: 86_400_000, stepMs: 300_000, freshMs: 60_000 },
} as const;
export type HistoryRange = keyof typeof ranges;

export function isHistoryRange(text: string | null): text is HistoryRange {
  return text !== null && Object.hasOwn(ranges, text);
}

export interface HistoryReaderOptions {
  /** The request log. */
  readonly path: string;
  /** The command that reads it; our own if absent. */
  readonly command?: readonly string[];
}

/** Reads the past from the request log, in a process of its own that never holds up an answer: one at a time. */
export class HistoryReader {
  readonly #options: HistoryReaderOptions;
  readonly #clock: Clock;
  readonly #known = new Map<HistoryRange, { readonly at: number; readonly history: Promise<History> }>();
  readonly #stopping = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: HistoryReaderOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** @throws IntentdError `no_history` with the reason */
  read(range: HistoryRange): Promise<History> {
    const known = this.#known.get(range);
    if (known !== undefined && this.#clock.now() - known.at < ranges[range].freshMs) return known.history;
    const { spanMs, stepMs } = ranges[range];
    const until = Math.ceil(this.#clock.wall() / stepMs) * stepMs;
    const history = this.#ask({ kind: 'series', since: until - spanMs, until, stepMs }).then((answer) => {
      if ('history' in answer) return answer.history;
      throw unexpected();
    });
    this.#known.set(range, { at: this.#clock.now(), history });
    // A failure is not remembered.
    history.catch(() => this.#known.delete(range));
    return history;
  }

  /**
   * Answers of each minute by intent.
   *
   * @throws IntentdError `no_history` with the reason
   */
  async intentsByMinute(since: number, until: number): Promise<readonly MinuteCount[]> {
    const answer = await this.#ask({ kind: 'intents', since, until });
    if ('intents' in answer) return answer.intents;
    throw unexpected();
  }

  /** Ends what is being read. */
  stop(): void {
    this.#stopping.abort();
  }

  #ask(question: WithoutPath<HistoryQuestion>): Promise<HistoryAnswer> {
    const asked = this.#turn.then(() => this.#run({ ...question, path: this.#options.path }));
    this.#turn = asked.catch(() => undefined);
    return asked;
  }

  #run(question: HistoryQuestion): Promise<HistoryAnswer> {
    const script = builtProgram('telemetry/web/historyMain.js');
    const [file, ...given] = this.#options.command ?? [process.execPath, script];
    const limits = {
      timeout: longestMs,
      maxBuffer: longestAnswerBytes,
      signal: this.#stopping.signal,
      env: {},
    };
    return new Promise((resolve, reject) => {
      execFile(file!, [...given, JSON.stringify(question)], limits, (error, stdout) => {
        const refuse = (cause: unknown): void => {
          reject(new IntentdError('no_history', messageOf(cause), { cause }));
        };
        if (error !== null) {
          refuse(error);
          return;
        }
        try {
          const answer = JSON.parse(stdout) as HistoryAnswer;
          if ('error' in answer) refuse(answer.error);
          else resolve(answer);
        } catch (cause) {
          refuse(cause);
        }
      });
    });
  }
}

type WithoutPath<T> = T extends unknown ? Omit<T, 'path'> : never;

function unexpected(): IntentdError {
  return new IntentdError('no_history', 'The history process answered another question.');
}
