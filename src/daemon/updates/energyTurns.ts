import type { Clock } from '../../base/index.js';
import type { ObservedBatch, ServedModel } from '../../requests/index.js';
import { askBatch } from '../asking.js';
import { judgeRatio, type EnergyRatio, type TurnRatio } from './energyRatio.js';
import type { Pacer } from './pacer.js';
import type { Pair } from './sideBySide.js';

/** What the meter said over the time of a batch, in mJ, idle power included. */
export interface MeteredBatch {
  /** Of the time in which no other batch ran. */
  readonly aloneMj: number;
  /** Of the time in which others ran too: of all of them together. */
  readonly besideMj: number;
}

/** What measures energy, as telemetry does. */
export interface EnergyMeter {
  began(tokens: number, size: number): ObservedBatch;
  ended(batch: ObservedBatch): void;
  /** Known once the samples are in; `null` where nothing measured it. */
  costOf(batch: ObservedBatch): Promise<MeteredBatch | null>;
  /** Why nothing measures; `null` where all is well. */
  readonly fault: string | null;
  /** Time between two samples at present, in ms. */
  readonly sampleMs: number;
}

export interface EnergyTurnsParts {
  readonly meter: EnergyMeter;
  readonly pacer: Pacer;
  readonly clock: Clock;
}

export interface ComparedEnergy extends EnergyRatio {
  /** Geometric means of an utterance. */
  readonly servingMj: number;
  readonly trialMj: number;
  readonly turns: number;
}

/** What an utterance drew in one window; the two differ where real requests ran beside it. */
interface Window {
  readonly leastMj: number;
  readonly mostMj: number;
}

type Which = keyof Pair;

/** A window lasts for so long, and for so many samples of the meter: counters move in steps of up to 100 ms. */
const windowMs = 500;
const windowSamples = 20;
/** So much of the same load before and behind it does not count: samples at its ends are of it alone. */
const edgeShare = 0.2;
/** Two turns of each engine; the order is turned round from one to the next, so that drift meets both. */
const blocks = [
  ['serving', 'trial', 'trial', 'serving'],
  ['trial', 'serving', 'serving', 'trial'],
] as const satisfies readonly (readonly Which[])[];
const fewestBlocks = 3;
const mostBlocks = 12;
/** Share of the utterances of a window whose energy has to be known. */
const knownEnough = 0.8;
/** Real requests run at the same time as those of the trial on an engine of their own: an even share is the trial's. */
const evenShare = 0.5;

/**
 * What an utterance draws with either engine: windows of one utterance after the other, by turns, until the ratio is told from
 * its bound or there were enough. `null` where the meter told nothing of most.
 *
 * @throws the signal's reason
 */
export async function compareEnergy(
  pair: Pair,
  texts: readonly string[],
  bound: number,
  parts: EnergyTurnsParts,
  signal: AbortSignal,
): Promise<ComparedEnergy | null> {
  const askers = {
    serving: new Asker('serving', pair.serving, texts, parts),
    trial: new Asker('trial', pair.trial, texts, parts),
  };
  const turns: { serving: Window; trial: Window }[] = [];
  for (let block = 1; ; block += 1) {
    const order = blocks[block % 2]!;
    const windows: Record<Which, (Window | null)[]> = { serving: [], trial: [] };
    for (const which of order) {
      signal.throwIfAborted();
      const window = () => askers[which].window();
      // The one that serves takes these in its turn, among its requests.
      windows[which].push(which === 'serving' ? await window() : await parts.pacer.spend(window, signal));
    }
    windows.serving.forEach((serving, at) => {
      const trial = windows.trial[at] ?? null;
      if (serving !== null && trial !== null) turns.push({ serving, trial });
    });
    if (block < fewestBlocks) continue;
    if (turns.length < block) return null;
    if (turns.length < 2 * fewestBlocks) continue;
    const judged = judgeRatio(turns.map(ratioOf), bound);
    if (judged.standing !== 'noise' || block === mostBlocks) return { ...judged, ...meansOf(turns) };
  }
}

function ratioOf({ serving, trial }: Record<Which, Window>): TurnRatio {
  return { least: trial.leastMj / serving.mostMj, most: trial.mostMj / serving.leastMj };
}

function meansOf(turns: readonly Record<Which, Window>[]): Omit<ComparedEnergy, keyof EnergyRatio> {
  const meanMj = (which: Which): number =>
    Math.exp(
      turns.reduce((sum, turn) => sum + Math.log(turn[which].leastMj * turn[which].mostMj) / 2, 0) /
        turns.length,
    );
  return { servingMj: meanMj('serving'), trialMj: meanMj('trial'), turns: turns.length };
}

/** Asks one engine the utterances again and again, each window going on where the last one ended. */
class Asker {
  readonly #which: Which;
  readonly #model: ServedModel;
  readonly #texts: readonly string[];
  readonly #parts: EnergyTurnsParts;
  #next = 0;

  constructor(which: Which, model: ServedModel, texts: readonly string[], parts: EnergyTurnsParts) {
    this.#which = which;
    this.#model = model;
    this.#texts = texts;
    this.#parts = parts;
  }

  /** `null` where the meter did not tell, told what no engine draws, or the engine failed. */
  async window(): Promise<Window | null> {
    const { meter } = this.#parts;
    const ms = Math.max(windowMs, windowSamples * meter.sampleMs);
    const edgeMs = edgeShare * ms;
    const counted = [edgeMs, ms, edgeMs].map((each) => () => this.#askFor(each));
    const parts: (Promise<Window | null>[] | null)[] = [];
    for (const ask of counted) parts.push(await ask());
    if (parts.includes(null)) return null;
    const costs = await Promise.all(parts[1]!);
    const known = costs.filter((cost) => cost !== null);
    if (known.length === 0 || known.length < knownEnough * costs.length) return null;
    const meanMj = (of: keyof Window): number =>
      known.reduce((sum, cost) => sum + cost[of], 0) / known.length;
    const window = { leastMj: meanMj('leastMj'), mostMj: meanMj('mostMj') };
    return window.leastMj > 0 ? window : null;
  }

  /** One utterance after the other for so long; `null` where the engine failed: its other gates tell of that. */
  async #askFor(ms: number): Promise<Promise<Window | null>[] | null> {
    const { clock } = this.#parts;
    const costs: Promise<Window | null>[] = [];
    for (const end = clock.now() + ms; clock.now() < end;) {
      const cost = await this.#askOne();
      if (cost === null) return null;
      costs.push(cost());
    }
    return costs;
  }

  async #askOne(): Promise<(() => Promise<Window | null>) | null> {
    const { clock, meter } = this.#parts;
    const tokens = this.#model.tokenizer.encode(this.#texts[this.#next++ % this.#texts.length]!);
    const batch = meter.began(tokens.ids.length, 1);
    const began = clock.now();
    let workedMs: number | undefined;
    try {
      const { workerUs } = await askBatch(this.#model, [tokens]);
      workedMs = workerUs === undefined ? undefined : workerUs / 1000;
    } catch {
      return null;
    } finally {
      meter.ended(batch);
    }
    // The worker may have been at others before, whose energy is not its own.
    const share = workedMs === undefined ? 1 : Math.min(1, workedMs / (clock.now() - began));
    // A function, since a promise would be waited for here, and its samples are not in yet.
    return async () => this.#drawn(await meter.costOf(batch), share);
  }

  /** Real requests share the worker of what serves in turn, so its time is its own; they run at the trial's time too. */
  #drawn(cost: MeteredBatch | null, share: number): Window | null {
    if (cost === null) return null;
    const mostMj = (cost.aloneMj + cost.besideMj) * share;
    const leastMj = (cost.aloneMj + evenShare * cost.besideMj) * share;
    return this.#which === 'serving' ? { leastMj: mostMj, mostMj } : { leastMj, mostMj };
  }
}
