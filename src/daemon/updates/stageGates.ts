import type { Config } from '../../config/index.js';
import type { ServedModel } from '../../requests/index.js';
import type { GateFigure } from '../../update/index.js';
import { askBatch, bestOf } from '../asking.js';
import type { LoadedModel } from '../engines.js';
import type { GoldenGate } from '../goldenGate.js';
import { energyFigure } from './energyFigure.js';
import { compareEnergy, type EnergyTurnsParts } from './energyTurns.js';
import { atLeast, atMost, failed, milliseconds, percent, skipped } from './figures.js';
import type { SecondEngine, Staged } from './secondEngine.js';
import type { Comparison } from './sample.js';
import { measureSideBySide, type Pair } from './sideBySide.js';

export interface StageGatesParts extends EnergyTurnsParts {
  readonly bounds: Config['update']['gates'];
  readonly golden: GoldenGate;
  readonly second: SecondEngine;
}

/** What serves while a bundle is held to its gates. */
export interface Beside {
  readonly serving: LoadedModel | undefined;
  /** Whether its engine was let go for want of memory, and another serves meanwhile. */
  readonly wasLetGo: boolean;
}

/** Noise makes times longer: a ratio that is too large is measured again, and the best round counts. */
const rounds = 3;
/** Differences that nobody feels are no reason to keep a bundle out, in ms by percentile. */
const unfeltMs = { 50: 0.2, 99: 0.5 } as const;
const cpuBatch = 8;
const points = 100;

/** The gates before a bundle sees any traffic: accuracy, latency, energy, and agreement with the CPU engine. */
export class StageGates {
  readonly #parts: StageGatesParts;

  constructor(parts: StageGatesParts) {
    this.#parts = parts;
  }

  /**
   * Holds a bundle that is loaded to its gates; the first that it fails is the last that is tried.
   *
   * @throws the signal's reason, or IntentdError where an engine cannot be asked
   */
  async hold(staged: Staged, beside: Beside, signal: AbortSignal): Promise<readonly GateFigure[]> {
    const figures: GateFigure[] = [];
    for (const gate of [this.#accuracy, this.#cost, this.#agreement]) {
      figures.push(...(await gate.call(this, staged, beside, signal)));
      if (figures.some(({ passed }) => !passed)) break;
    }
    return figures;
  }

  async #accuracy(
    { model, bundle }: Staged,
    { serving }: Beside,
    signal: AbortSignal,
  ): Promise<GateFigure[]> {
    const { bounds, clock, golden, pacer } = this.#parts;
    if (model.served.engine.info.kind === 'none') return [skipped('accuracy', 'the engine infers nothing')];
    if (bundle.golden.length === 0) {
      return [failed('accuracy', 'The bundle has no golden utterances, without which it cannot be checked.')];
    }
    const { evaluation } = bundle.manifest;
    const candidate = { model: model.served, digest: bundle.digest, golden: bundle.golden, evaluation };
    let began = clock.now();
    const rest = async (): Promise<void> => {
      signal.throwIfAborted();
      // On the engine that serves these take their turn among its requests, and it is over sooner.
      if (model.slot === serving?.slot) return;
      await pacer.rest(clock.now() - began, signal);
      began = clock.now();
    };
    const verdict = await golden.judge(candidate, rest, bounds.accuracyPoints / points);
    const { accuracy, figure, least } = verdict!;
    const what = figure === 'accuracy' ? 'golden utterances' : 'golden utterances in scope';
    const kind = model.served.engine.info.kind;
    return [
      atLeast(
        'accuracy',
        accuracy,
        least,
        `${kind} answers ${percent(accuracy)} of the ${what} rightly; at least ${percent(least)} is needed.`,
      ),
    ];
  }

  async #cost(staged: Staged, { serving, wasLetGo }: Beside, signal: AbortSignal): Promise<GateFigure[]> {
    const reason =
      serving === undefined
        ? 'nothing serves this family yet'
        : serving.slot === staged.model.slot
          ? 'it runs on the engine that serves'
          : wasLetGo
            ? 'memory does not hold both engines at once'
            : undefined;
    if (serving === undefined || reason !== undefined) {
      return [skipped('latency', reason!), skipped('energy', reason!)];
    }
    const pair = { serving: serving.served, trial: staged.model.served };
    const texts = textsOf(staged.bundle.golden, this.#parts.bounds.utterances);
    let best: Measured | undefined;
    for (let round = 0; round < rounds; round += 1) {
      const measured = new Measured(
        await measureSideBySide(pair, texts, this.#parts, signal),
        this.#parts.bounds,
      );
      if (best === undefined || measured.excess < best.excess) best = measured;
      if (best.excess <= 0) break;
    }
    const times = best!.figures();
    return best!.excess > 0 ? times : [...times, await this.#energy(pair, texts, signal)];
  }

  async #energy(pair: Pair, texts: readonly string[], signal: AbortSignal): Promise<GateFigure> {
    const { bounds, meter } = this.#parts;
    const why = (): string => meter.fault ?? 'the meter told nothing of most utterances';
    if (meter.fault !== null) return skipped('energy', why());
    const compared = await compareEnergy(pair, texts, bounds.energyRatio, this.#parts, signal);
    return compared === null ? skipped('energy', why()) : energyFigure(compared, bounds.energyRatio);
  }

  async #agreement(staged: Staged, _: Beside, signal: AbortSignal): Promise<GateFigure[]> {
    const { bounds, pacer, second } = this.#parts;
    if (staged.model.served.engine.info.kind !== 'tensorrt') {
      return [skipped('agreement', 'it is the CPU engine itself')];
    }
    // What is out of scope has no right intent: which wrong one comes first is rounding.
    const golden = staged.bundle.golden.filter(({ intent }) => intent !== null);
    if (golden.length === 0) return [skipped('agreement', 'no golden utterance is in scope')];
    const texts = textsOf(golden, Math.min(bounds.utterances, golden.length));
    const ask = async (onCpu: ServedModel): Promise<number> => {
      let alike = 0;
      for (let at = 0; at < texts.length; at += cpuBatch) {
        const tokens = texts.slice(at, at + cpuBatch).map((text) => onCpu.tokenizer.encode(text));
        const [mine, theirs] = await pacer.spend(
          async () => [await askBatch(staged.model.served, tokens), await askBatch(onCpu, tokens)] as const,
          signal,
        );
        alike += mine.decisions.filter((one, row) => bestOf(one) === bestOf(theirs.decisions[row]!)).length;
      }
      return alike / texts.length;
    };
    const agreement = await second.onCpu(staged, ask, signal);
    if (agreement === undefined)
      return [skipped('agreement', 'there is no memory for a CPU engine beside it')];
    const detail = `${percent(agreement)} of ${texts.length} golden utterances in scope have the CPU engine's best intent; at least ${percent(bounds.agreement)} is needed.`;
    return [atLeast('agreement', agreement, bounds.agreement, detail)];
  }
}

/** What one round of both engines says of their times. */
class Measured {
  readonly #comparison: Comparison;
  readonly #bounds: StageGatesParts['bounds'];

  constructor(comparison: Comparison, bounds: StageGatesParts['bounds']) {
    this.#comparison = comparison;
    this.#bounds = bounds;
  }

  /** By how much the worst figure passes its bound, as a factor less one; 0 or less where none does. */
  get excess(): number {
    return Math.max(
      ...this.figures().map(({ measured, bound, passed }) => (passed ? 0 : measured! / bound! - 1)),
    );
  }

  figures(): GateFigure[] {
    const bounds = this.#bounds;
    const lost = this.#comparison.trial.errorShare;
    return [
      ...(lost > 0
        ? [atMost('errors', lost, bounds.shadow.errors, `${percent(lost)} of the inferences failed.`)]
        : []),
      this.#latency(50, bounds.latencyP50Ratio),
      this.#latency(99, bounds.latencyP99Ratio),
    ];
  }

  #latency(at: 50 | 99, bound: number): GateFigure {
    const { serving, trial } = this.#comparison;
    const [before, now] = [serving.percentileMs(at), trial.percentileMs(at)];
    if (before === null || now === null) return skipped('latency', 'no utterance was answered');
    const ratio = now / before;
    const detail = `An utterance takes ${milliseconds(now)} at p${at}, and ${milliseconds(before)} with what serves; at most ${bound} times as long is allowed.`;
    const figure = atMost('latency', ratio, bound, detail);
    return now - before <= unfeltMs[at] ? { ...figure, passed: true } : figure;
  }
}

/** So many golden utterances, spread over all; where there are fewer, each again and again. */
export function textsOf(golden: Staged['bundle']['golden'], wanted: number): string[] {
  const step = Math.max(1, golden.length / wanted);
  return Array.from({ length: wanted }, (_, at) => golden[Math.floor(at * step) % golden.length]!.text);
}
