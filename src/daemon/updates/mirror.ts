import { messageOf, type Clock, type Logger, type Outcome, type Utterance } from '../../base/index.js';
import type { ObservedBatch, ServedModel, Trace } from '../../requests/index.js';
import { askBatch } from '../asking.js';
import type { Pacer } from './pacer.js';
import { Comparison } from './sample.js';

interface Copy {
  readonly text: string;
  readonly intent: string | null;
  readonly ms: number;
}

export interface MirrorParts {
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Copies that may wait; more are dropped. */
const mostWaiting = 64;

/**
 * Gives one model a copy of what another one answered, in the same batches. It begins when the answers are out,
 * works at the pacer's pace, and drops what comes meanwhile: those who ask wait for nothing.
 */
export class Mirror {
  readonly #parts: MirrorParts;
  readonly #serving: ServedModel;
  readonly #trial: ServedModel;
  readonly comparison = new Comparison();
  readonly #waiting: Copy[][] = [];
  readonly #ended = new AbortController();
  #batch: ObservedBatch | undefined;
  #copies: Copy[] = [];
  #busy = false;
  #dropped = 0;

  constructor(serving: ServedModel, trial: ServedModel, parts: MirrorParts) {
    this.#serving = serving;
    this.#trial = trial;
    this.#parts = parts;
  }

  /** Requests that were not copied because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A request was answered. One under an intent filter is passed over: the new model may not know its intents. */
  note(utterance: Utterance, outcome: Outcome, trace: Trace): void {
    const { batch } = trace;
    if (trace.model !== this.#serving || batch === undefined || utterance.intentFilter !== undefined) return;
    if (!outcome.ok || this.#ended.signal.aborted) return;
    if (this.#copies.length > 0 && this.#batch !== batch) this.#close();
    if (this.#copies.length === 0)
      setImmediate(() => {
        this.#close();
      });
    this.#batch = batch;
    const ms = trace.inferMs / trace.batchSize;
    this.#copies.push({ text: utterance.text, intent: outcome.answer.intent, ms });
  }

  /** Takes no more, and forgets what waits. */
  end(): void {
    this.#ended.abort();
    this.#waiting.length = 0;
    this.#copies = [];
  }

  /** The batch is whole. */
  #close(): void {
    const copies = this.#copies;
    if (copies.length === 0) return;
    this.#copies = [];
    const waiting = this.#waiting.reduce((sum, { length }) => sum + length, 0);
    if (waiting + copies.length > mostWaiting) {
      this.#dropped += copies.length;
      return;
    }
    this.#waiting.push(copies);
    if (this.#busy) return;
    this.#busy = true;
    // Not while the answers of the next batch go out.
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    const { signal } = this.#ended;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const copies = next;
      try {
        await this.#parts.pacer.spend(() => this.#ask(copies), signal);
      } catch {
        // It was ended.
        break;
      }
    }
    this.#busy = false;
  }

  async #ask(copies: readonly Copy[]): Promise<void> {
    const { clock, log } = this.#parts;
    const { serving, trial } = this.comparison;
    for (const { intent, ms } of copies) serving.answered(ms, intent === null);
    const tokens = copies.map(({ text }) => this.#trial.tokenizer.encode(text));
    const began = clock.now();
    try {
      const { decisions } = await askBatch(this.#trial, tokens);
      const ms = (clock.now() - began) / copies.length;
      decisions.forEach(({ intent }, at) => {
        trial.answered(ms, intent === null);
        this.comparison.note(copies[at]!.intent, intent);
      });
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'a copied batch failed');
      for (let at = 0; at < copies.length; at += 1) trial.failed();
    }
  }
}
