import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { EngineVariant } from '../../../engine/index.js';
import type { PaddedTokens } from '../../../model/index.js';
import { percentilesOf } from '../tally.js';
import { spreadOf, type EngineFigures, type Round } from './figures.js';
import type { PowerMeter, Span } from './powerMeter.js';

export interface MeasureOptions {
  readonly meter: PowerMeter;
  readonly variants: readonly EngineVariant[];
  /** The stream: the same for each engine in each round, from its beginning. */
  readonly batches: readonly PaddedTokens[];
  /** How long each engine runs over all rounds. */
  readonly seconds: number;
  readonly rounds: number;
  /** How long nothing runs, before and after. */
  readonly idleSeconds: number;
  readonly signal: AbortSignal;
  readonly tell: (step: string, done: number, of: number) => void;
}

export interface Measurement {
  readonly idle: { readonly beforeMw: number; readonly afterMw: number };
  readonly engines: readonly EngineFigures[];
}

export const headName = 'bench';
/** Clocks and temperature follow the load; what is measured begins in the middle of it. */
const leadMs = 500;
/** What ran last is still felt for a while. */
const settleMs = 1000;

/**
 * Measures the idle floor, then the engines by turns: in every second round backwards, so that what drifts one way
 * meets all of them alike.
 *
 * @throws IntentdError `no_samples`, or the signal's reason
 */
export async function measureVariants(options: MeasureOptions): Promise<Measurement> {
  const { idleSeconds, meter, rounds, signal, tell, variants } = options;
  const steps = variants.length * rounds + 2;
  tell('idle floor', 0, steps);
  await sleep(settleMs, undefined, { signal });
  const beforeMw = await meter.idle(idleSeconds, signal);
  const found = variants.map(() => ({ rounds: [] as Round[], timesMs: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    const order = variants.map((_, at) => (round % 2 === 0 ? at : variants.length - 1 - at));
    for (const [turnOf, at] of order.entries()) {
      const variant = variants[at]!;
      tell(`round ${round + 1}, ${variant.name}`, 1 + round * variants.length + turnOf, steps);
      found[at]!.rounds.push(await oneRound(variant, beforeMw, options, found[at]!.timesMs));
    }
  }
  tell('idle floor again', steps - 1, steps);
  await sleep(settleMs, undefined, { signal });
  const afterMw = await meter.idle(idleSeconds, signal);
  const engines = variants.map((variant, at) => figuresOf(variant, found[at]!));
  return { idle: { beforeMw, afterMw }, engines };
}

/**
 * One engine for its share of the time. It runs before and after what is measured as well: the samples at both ends
 * then stand for the same load inside and outside.
 */
async function oneRound(
  variant: EngineVariant,
  floorMw: number,
  { batches, meter, rounds, seconds, signal }: MeasureOptions,
  timesMs: number[],
): Promise<Round> {
  const run = async (until: (at: number) => boolean, note?: (ms: number, size: number) => void) => {
    let at = performance.now();
    for (let next = 0; !until(at); next++) {
      signal.throwIfAborted();
      const batch = batches[next % batches.length]!;
      const began = performance.now();
      await variant.engine.infer(batch, headName);
      at = performance.now();
      note?.(at - began, batch.size);
      // The CPU engine computes on this thread, and the meter has to be read.
      await turn();
    }
    return at;
  };
  const lead = meter.begin(performance.now());
  const from = await run(untilMs(performance.now() + leadMs));
  lead.end(from);
  const measured = meter.begin(from);
  let utterances = 0;
  const to = await run(untilMs(from + (seconds * 1000) / rounds), (ms, size) => {
    timesMs.push(ms);
    utterances += size;
  });
  measured.end(to);
  const trail = meter.begin(to);
  trail.end(await run(() => measured.settled));
  return roundOf(await costOf(measured), utterances, (to - from) / 1000, floorMw);
}

function untilMs(end: number): (at: number) => boolean {
  return (at) => at >= end;
}

async function costOf({ cost }: Span): Promise<number> {
  return (await cost).energyMj;
}

function roundOf(energyMj: number, utterances: number, seconds: number, floorMw: number): Round {
  return {
    utterances,
    seconds,
    energyMj: energyMj / utterances,
    aboveIdleMj: (energyMj - floorMw * seconds) / utterances,
  };
}

function figuresOf(
  { name, attention, bytes, engine, inScopeAccuracy, products }: EngineVariant,
  { rounds, timesMs }: { readonly rounds: readonly Round[]; readonly timesMs: readonly number[] },
): EngineFigures {
  return {
    name,
    attention,
    precision: engine.info.precision,
    bytes,
    products,
    inScopeAccuracy,
    rounds,
    energyMj: spreadOf(rounds.map(({ energyMj }) => energyMj)),
    aboveIdleMj: spreadOf(rounds.map(({ aboveIdleMj }) => aboveIdleMj)),
    perSecond: spreadOf(rounds.map(({ utterances, seconds }) => utterances / seconds)),
    ...percentilesOf(timesMs),
  };
}
