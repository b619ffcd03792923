import { setTimeout as sleep } from 'node:timers/promises';
import { IntentdError } from '../../../base/index.js';
import {
  EnergyLedger,
  Intervals,
  detectMeter,
  type BatchCost,
  type DetectOptions,
  type Meter,
} from '../../../telemetry/index.js';

/** Samples further apart than this tell nothing of the time between them, in ms. */
const maxGapMs = 2500;
/** A meter that gives nothing for so long gives nothing any more. */
const patienceMs = 5000;
const now = (): number => performance.now();

/** Work whose energy is measured from `begin` to `end`. */
export interface Span {
  readonly cost: Promise<BatchCost>;
  /** Whether the cost is known. */
  readonly settled: boolean;
  end(at: number): void;
}

/** The meter of this machine, with what it says given to what runs as an agent gives it to batches. */
export class PowerMeter {
  readonly meter: Meter;
  readonly #ledger = new EnergyLedger();
  readonly #intervals = new Intervals(maxGapMs);
  #fault: string | undefined;
  #energyMj = 0;
  #measuredMs = 0;

  private constructor(meter: Meter) {
    this.meter = meter;
    meter.start({
      onSample: (sample) => {
        const interval = this.#intervals.next(sample);
        if (interval === undefined) return;
        if (interval.energyMj !== null) {
          this.#energyMj += interval.energyMj;
          this.#measuredMs += interval.to - interval.from;
        }
        this.#ledger.add(interval);
      },
      onFault: (reason) => {
        this.#fault = reason;
        this.#intervals.lose();
      },
    });
  }

  /** @throws IntentdError `no_meter` with what is missing */
  static async open(options: DetectOptions): Promise<PowerMeter> {
    const detected = await detectMeter(options, now);
    if (detected.meter !== null) return new PowerMeter(detected.meter);
    throw new IntentdError(
      'no_meter',
      `Nothing measures energy here: ${detected.reason}. It takes a Jetson's INA3221, a GPU with an energy ` +
        'counter and the built addon, or RAPL that this user may read (systemd/intentd-rapl.tmpfiles).',
    );
  }

  /**
   * Learns what is drawn while nothing runs.
   *
   * @returns the mean over so many seconds, in mW
   * @throws IntentdError `no_samples`
   */
  async idle(seconds: number, signal: AbortSignal): Promise<number> {
    const [energyMj, measuredMs] = [this.#energyMj, this.#measuredMs];
    await sleep(seconds * 1000, undefined, { signal });
    const ms = this.#measuredMs - measuredMs;
    if (ms <= 0 || this.#ledger.idleFloorMw === undefined) throw this.#silent();
    return ((this.#energyMj - energyMj) / ms) * 1000;
  }

  /** From `at` on something runs. */
  begin(at: number): Span {
    const work = this.#ledger.begin(1, at);
    const state = { settled: false };
    const cost = new Promise<BatchCost>((resolve, reject) => {
      this.#ledger.whenSettled(work, (found) => {
        state.settled = true;
        if (found === null) reject(this.#silent());
        else resolve(found);
      });
    });
    // It is looked at when the span has ended; until then its failure is nobody's.
    cost.catch(() => undefined);
    return {
      cost,
      get settled() {
        return state.settled;
      },
      end: (end) => {
        this.#ledger.end(work, end);
        setTimeout(() => {
          this.#ledger.giveUp(now() - patienceMs);
        }, patienceMs + 1).unref();
      },
    };
  }

  close(): void {
    this.meter.stop();
    this.#ledger.close();
  }

  #silent(): IntentdError {
    const why = this.#fault === undefined ? 'it gave no samples' : this.#fault.replace(/\.$/, '');
    return new IntentdError(
      'no_samples',
      `The meter (${this.meter.info.kind}) does not tell enough: ${why}.`,
    );
  }
}
