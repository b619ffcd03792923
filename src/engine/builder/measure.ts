import type { Bucket, EngineHandle, NativeAddon } from '../tensorrt/addon.js';
import { nativeCode } from '../tensorrt/addon.js';
import { asOwn } from '../tensorrt/nativeError.js';
import type { BucketFigures } from './report.js';

/** Blocks in which an engine's time goes by turns with the others', so that a drift meets all of them. */
const blocks = 2;
const firstRuns = 10;

type Meter = () => number | undefined;

/**
 * Times every bucket in every engine, by turns.
 *
 * @param engines loaded with these buckets
 * @param measureMs for each bucket and engine; energy needs about a second, for the counter is slow
 * @returns the buckets' figures of each engine, in order
 */
export async function measureEngines(
  addon: NativeAddon,
  engines: readonly EngineHandle[],
  buckets: readonly Bucket[],
  measureMs: number,
  progress: (share: number) => void,
): Promise<BucketFigures[][]> {
  const figures: BucketFigures[][] = engines.map(() => []);
  const meter = energyMeter(addon);
  for (const [at, bucket] of buckets.entries()) {
    const runs = engines.map(() => new Runs());
    for (let block = 0; block < blocks; block++) {
      for (const [index, engine] of engines.entries()) {
        await runs[index]!.add(addon, engine, bucket, measureMs / blocks, meter);
      }
    }
    for (const [index, one] of runs.entries()) figures[index]!.push(one.figures(bucket));
    progress((at + 1) / buckets.length);
  }
  return figures;
}

/** The runs of one bucket in one engine. */
class Runs {
  readonly #us: number[] = [];
  #energyMj: number | undefined = 0;
  #measuredRuns = 0;

  async add(
    addon: NativeAddon,
    engine: EngineHandle,
    { batch, sequence }: Bucket,
    ms: number,
    meter: Meter,
  ): Promise<void> {
    const first = await asOwn(addon.warmup(engine, batch, sequence, firstRuns));
    const count = Math.max(firstRuns, Math.ceil((ms * 1000) / Math.max(1, median(first))));
    const before = meter();
    const times = await asOwn(addon.warmup(engine, batch, sequence, count));
    const after = meter();
    for (const us of times) this.#us.push(us);
    this.#measuredRuns += count;
    if (before === undefined || after === undefined || this.#energyMj === undefined)
      this.#energyMj = undefined;
    else this.#energyMj += after - before;
  }

  figures({ batch, sequence }: Bucket): BucketFigures {
    const sorted = Float64Array.from(this.#us).sort();
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
    const energyMj = this.#energyMj === undefined ? null : this.#energyMj / this.#measuredRuns / batch;
    return { batch, sequence, runs: sorted.length, p50Us: at(0.5), p99Us: at(0.99), energyMj };
  }
}

/** Reads the GPU's counter, or nothing where it has none. */
function energyMeter(addon: NativeAddon): Meter {
  let missing = false;
  return () => {
    if (missing) return undefined;
    try {
      return addon.readGpuEnergy();
    } catch (error) {
      if (nativeCode(error) !== 'NO_METER') throw error;
      missing = true;
      return undefined;
    }
  };
}

function median(values: Float64Array): number {
  return values.slice().sort()[values.length >> 1] ?? 1;
}
