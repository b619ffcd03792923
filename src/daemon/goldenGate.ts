import { join } from 'node:path';
import { z } from 'zod';
import {
  IntentdError,
  messageOf,
  parseJson,
  parseWith,
  readRegularFile,
  writeFileAtomic,
  type Logger,
} from '../base/index.js';
import type { GoldenUtterance, Manifest } from '../model/index.js';
import type { ServedModel } from '../requests/index.js';
import { askBatch, bestOf } from './asking.js';

const fileName = 'golden-passed.json';
const passesSchema = z.record(z.string(), z.number());
const maxBytes = 1 << 20;
/** Passes of bundles that are long gone are forgotten. */
const keptPasses = 64;
/** Small, so that requests to the same worker wait little. */
const batchSize = 8;
/** What a bundle may lose against its own figure: what another processor's rounding costs. */
const usualTolerance = 0.01;
const rounding = 1e-9;

/** A model to be let in, and what is known of it. */
export interface Candidate {
  readonly model: ServedModel;
  readonly digest: string;
  readonly golden: readonly GoldenUtterance[];
  readonly evaluation: Manifest['evaluation'];
}

/** Told how many utterances are answered; what it returns is waited for. */
export type Progress = (done: number, of: number) => Promise<void> | undefined;

export interface GoldenVerdict extends Needed {
  readonly accuracy: number;
  readonly passed: boolean;
}

export interface GateOptions {
  readonly stateDir: string;
  /** Version of the agent. */
  readonly agent: string;
  /** Share of golden utterances to be answered rightly where the bundle names no figure of its own. */
  readonly floor: number;
}

/** Lets a model serve only if this engine answers its golden utterances as well as its bundle says. */
export class GoldenGate {
  readonly #options: GateOptions;
  readonly #log: Logger;
  #passes: Promise<Map<string, number>> | undefined;

  constructor(options: GateOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /**
   * Asks every golden utterance, unless the same bundle passed with the same agent and engine before.
   *
   * @throws IntentdError `bad_golden` with the accuracy and what was expected
   */
  async check(candidate: Candidate, progress: Progress): Promise<void> {
    const verdict = await this.judge(candidate, progress);
    if (verdict !== undefined && !verdict.passed) throw refusal(candidate.model, verdict);
  }

  /**
   * What the golden utterances say of a model on its engine; asked once, where it passed.
   *
   * @param tolerance how far the accuracy may be under the bundle's own figure, as a share; a point if absent
   * @returns `undefined` where there is nothing to ask, or nothing that answers
   */
  async judge(
    candidate: Candidate,
    progress: Progress,
    tolerance = usualTolerance,
  ): Promise<GoldenVerdict | undefined> {
    const { model, golden, digest } = candidate;
    if (golden.length === 0) {
      this.#log.warn({ model: model.id }, 'a bundle without golden utterances serves unchecked');
      return undefined;
    }
    const { kind, version, precision, form } = model.engine.info;
    // The engine without inference, for measurements, has no answers to check.
    if (kind === 'none') return undefined;
    const key = [digest, this.#options.agent, kind, version, precision, form].join(' ');
    const passes = await this.#read();
    const needed = neededOf(candidate.evaluation, this.#options.floor, tolerance);
    const known = passes.get(key);
    if (known !== undefined && known >= needed.least - rounding) {
      return { ...needed, accuracy: known, passed: true };
    }
    const found = accuracyOf(await askAll(model, golden, progress));
    const accuracy = found[needed.figure] ?? 1;
    if (accuracy < needed.least - rounding) return { ...needed, accuracy, passed: false };
    this.#log.info(
      { model: model.id, [needed.figure]: accuracy, utterances: golden.length },
      'golden passed',
    );
    passes.set(key, accuracy);
    await this.#write(passes);
    return { ...needed, accuracy, passed: true };
  }

  #read(): Promise<Map<string, number>> {
    this.#passes ??= readPasses(join(this.#options.stateDir, fileName), this.#log);
    return this.#passes;
  }

  async #write(passes: ReadonlyMap<string, number>): Promise<void> {
    const newest = Object.fromEntries([...passes].slice(-keptPasses));
    await writeFileAtomic(join(this.#options.stateDir, fileName), `${JSON.stringify(newest, null, 2)}\n`);
  }
}

interface Asked {
  readonly expected: string | null;
  readonly intent: string | null;
  readonly best: string;
}

async function askAll(
  model: ServedModel,
  golden: readonly GoldenUtterance[],
  progress: Progress,
): Promise<Asked[]> {
  const waiting = golden.map(({ text, intent }) => ({ ids: model.tokenizer.encode(text).ids, intent }));
  // Those of a length go together, and little is padded.
  waiting.sort((a, b) => a.ids.length - b.ids.length);
  const asked: Asked[] = [];
  for (let at = 0; at < waiting.length; at += batchSize) {
    const batch = waiting.slice(at, at + batchSize);
    const { decisions } = await askBatch(model, batch);
    decisions.forEach((decision, row) => {
      asked.push({ expected: batch[row]!.intent, intent: decision.intent, best: bestOf(decision) });
    });
    await progress(asked.length, golden.length);
  }
  return asked;
}

/** `inScopeAccuracy` counts the best intent, rejected or not; `accuracy` the whole answer. */
interface Accuracy {
  readonly accuracy: number;
  readonly inScopeAccuracy: number | undefined;
}

function accuracyOf(asked: readonly Asked[]): Accuracy {
  const inScope = asked.filter(({ expected }) => expected !== null);
  const right = asked.filter(({ expected, intent }) => expected === intent).length;
  const bestRight = inScope.filter(({ expected, best }) => expected === best).length;
  return {
    accuracy: right / asked.length,
    inScopeAccuracy: inScope.length === 0 ? undefined : bestRight / inScope.length,
  };
}

interface Needed {
  readonly figure: 'accuracy' | 'inScopeAccuracy';
  readonly least: number;
}

const ownFigure = z.object({ golden: z.object({ inScopeAccuracy: z.number().min(0).max(1) }) });

function neededOf(evaluation: Manifest['evaluation'], floor: number, tolerance: number): Needed {
  const own = ownFigure.safeParse(evaluation);
  if (!own.success) return { figure: 'accuracy', least: floor };
  return { figure: 'inScopeAccuracy', least: own.data.golden.inScopeAccuracy - tolerance };
}

function refusal({ id, version, engine }: ServedModel, verdict: GoldenVerdict): IntentdError {
  const { accuracy, figure, least } = verdict;
  const what = figure === 'accuracy' ? 'golden utterances' : 'golden utterances in scope';
  return new IntentdError(
    'bad_golden',
    `${id} ${version} is refused: ${engine.info.kind} answers ${share(accuracy)} of its ${what} rightly, and at least ${share(least)} is needed.`,
  );
}

async function readPasses(path: string, log: Logger): Promise<Map<string, number>> {
  try {
    const bytes = await readRegularFile(path, { maxBytes, name: fileName });
    const data = parseWith(passesSchema, parseJson(bytes, { name: fileName }), fileName, 'bad_file');
    return new Map(Object.entries(data));
  } catch (error) {
    // Without it every bundle is asked again: that costs time alone.
    log.debug({ reason: messageOf(error) }, 'no golden pass is known');
    return new Map();
  }
}

function share(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}
