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
import { decide } from '../decision/index.js';
import { padTokens, type GoldenUtterance, type Manifest } from '../model/index.js';
import type { ServedModel } from '../requests/index.js';

const fileName = 'golden-passed.json';
const passesSchema = z.record(z.string(), z.number());
const maxBytes = 1 << 20;
/** Passes of bundles that are long gone are forgotten. */
const keptPasses = 64;
/** Small, so that requests to the same worker wait little. */
const batchSize = 8;
/** What a bundle may lose against its own figure: what another processor's rounding costs. */
const tolerance = 0.01;

/** A model to be let in, and what is known of it. */
export interface Candidate {
  readonly model: ServedModel;
  readonly digest: string;
  readonly golden: readonly GoldenUtterance[];
  readonly evaluation: Manifest['evaluation'];
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
  async check(candidate: Candidate, progress: (done: number, of: number) => void): Promise<void> {
    const { model, golden, digest } = candidate;
    if (golden.length === 0) {
      this.#log.warn({ model: model.id }, 'a bundle without golden utterances serves unchecked');
      return;
    }
    const { kind, version, precision, form } = model.engine.info;
    // The engine without inference, for measurements, has no answers to check.
    if (kind === 'none') return;
    const key = [digest, this.#options.agent, kind, version, precision, form].join(' ');
    const passes = await this.#read();
    if (passes.has(key)) return;
    const found = accuracyOf(await askAll(model, golden, progress));
    const needed = neededOf(candidate.evaluation, this.#options.floor);
    const accuracy = found[needed.figure] ?? 1;
    if (accuracy < needed.least - 1e-9) throw refusal(model, accuracy, needed);
    this.#log.info(
      { model: model.id, [needed.figure]: accuracy, utterances: golden.length },
      'golden passed',
    );
    passes.set(key, accuracy);
    await this.#write(passes);
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
  { engine, head, rules, tokenizer }: ServedModel,
  golden: readonly GoldenUtterance[],
  progress: (done: number, of: number) => void,
): Promise<Asked[]> {
  const waiting = golden.map(({ text, intent }) => ({ ids: tokenizer.encode(text).ids, intent }));
  // Those of a length go together, and little is padded.
  waiting.sort((a, b) => a.ids.length - b.ids.length);
  const asked: Asked[] = [];
  for (let at = 0; at < waiting.length; at += batchSize) {
    const batch = waiting.slice(at, at + batchSize);
    const { logits, embeddings } = await engine.infer(padTokens(batch), head);
    batch.forEach(({ intent: expected }, row) => {
      const outputs = {
        logits: rowOf(logits, row, batch.length),
        embedding: rowOf(embeddings, row, batch.length),
      };
      const { intent, alternatives } = decide(outputs, rules, { topK: 1 });
      asked.push({ expected, intent, best: intent ?? alternatives[0]!.intent });
    });
    progress(asked.length, golden.length);
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
  readonly figure: keyof Accuracy;
  readonly least: number;
}

const ownFigure = z.object({ golden: z.object({ inScopeAccuracy: z.number().min(0).max(1) }) });

function neededOf(evaluation: Manifest['evaluation'], floor: number): Needed {
  const own = ownFigure.safeParse(evaluation);
  if (!own.success) return { figure: 'accuracy', least: floor };
  return { figure: 'inScopeAccuracy', least: own.data.golden.inScopeAccuracy - tolerance };
}

function refusal({ id, version, engine }: ServedModel, accuracy: number, needed: Needed): IntentdError {
  const what = needed.figure === 'accuracy' ? 'golden utterances' : 'golden utterances in scope';
  return new IntentdError(
    'bad_golden',
    `${id} ${version} is refused: ${engine.info.kind} answers ${share(accuracy)} of its ${what} rightly, and at least ${share(needed.least)} is needed.`,
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

function rowOf(matrix: Float32Array, row: number, rows: number): Float32Array {
  const width = matrix.length / rows;
  return matrix.subarray(row * width, (row + 1) * width);
}

function share(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}
