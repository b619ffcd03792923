import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/base/index.js';
import { energyFigure } from '../../../src/daemon/updates/energyFigure.js';
import { compareEnergy, type EnergyMeter } from '../../../src/daemon/updates/energyTurns.js';
import { Pacer } from '../../../src/daemon/updates/pacer.js';
import type { ServedModel } from '../../../src/requests/index.js';
import { EnergyLedger } from '../../../src/telemetry/index.js';
import { seeded } from '../../support/random.js';

const bound = 1.5;
const inferMs = 5;

interface Rail {
  /** What each engine draws while it is at an utterance, in mW. */
  readonly servingMw: number;
  readonly trialMw: number;
  /** What a window of either may be off by at random, as a share. */
  readonly noise: number;
  /** Real requests that keep the engine that serves busy all the time. */
  readonly underLoad?: boolean;
}

/** Two engines by a clock of their own on a rail that a real ledger is told of, each window with noise of its own. */
class Bench {
  readonly #ledger = new EnergyLedger();
  readonly #rail: Required<Rail>;
  readonly #chance: () => number;
  #at = 0;
  #windowNoise = 1;
  #isOver = true;
  /** The engines' turns, in order. */
  readonly order: string[] = [];
  #silent = false;

  constructor(rail: Rail, seed: number) {
    this.#rail = { underLoad: false, ...rail };
    this.#chance = seeded(seed);
    this.#addInterval(2000, 1000);
    if (this.#rail.underLoad) this.#ledger.begin(100, this.#at);
  }

  readonly #clock: Clock = { now: () => this.#at, wall: () => this.#at };

  readonly #meter: EnergyMeter = {
    began: (tokens) => this.#ledger.begin(tokens, this.#at),
    ended: (batch) => {
      this.#ledger.end(batch, this.#at);
    },
    costOf: (batch) =>
      new Promise((resolve) => {
        this.#ledger.whenSettled(batch, (cost) => {
          resolve(this.#silent ? null : cost);
        });
        // The next samples come.
        this.#addInterval(1, 1000);
      }),
    fault: null,
    sampleMs: 10,
  };

  async compare() {
    const pair = { serving: this.#engine('serving'), trial: this.#engine('trial') };
    const parts = { meter: this.#meter, clock: this.#clock, pacer: new Pacer(1, this.#clock) };
    const compared = await compareEnergy(pair, ['play', 'stop', 'louder'], bound, parts, this.#signal());
    return compared === null ? null : energyFigure(compared, bound);
  }

  /** It is looked at before every window, whose noise is another one then. */
  #signal(): AbortSignal {
    const { signal } = new AbortController();
    const throwIfAborted = (): void => {
      this.#isOver = true;
    };
    return Object.assign(signal, { throwIfAborted });
  }

  #engine(which: 'serving' | 'trial'): ServedModel {
    const infer = () => {
      if (this.#isOver) {
        this.#isOver = false;
        this.order.push(which);
        this.#windowNoise = 1 + this.#rail.noise * (2 * this.#chance() - 1);
      }
      const powerMw = which === 'serving' ? this.#rail.servingMw : this.#rail.trialMw;
      this.#addInterval(inferMs, powerMw * this.#windowNoise);
      return Promise.resolve({
        logits: Float32Array.of(1, 0),
        embeddings: Float32Array.of(1),
        workerUs: inferMs * 1000,
      });
    };
    return {
      engine: { infer },
      head: 'only',
      rules: {
        intents: ['play', 'stop'],
        background: 0,
        temperature: 1,
        ambiguityMargin: 0,
        outOfScope: { score: 'maxProbability', threshold: 0 },
      },
      tokenizer: { encode: () => ({ ids: new Int32Array(8) }) },
    } as unknown as ServedModel;
  }

  #addInterval(ms: number, powerMw: number): void {
    const from = this.#at;
    this.#at += ms;
    this.#ledger.add({ from, to: this.#at, energyMj: (powerMw * ms) / 1000 });
  }

  /** From now on the meter says nothing. */
  silence(): this {
    this.#silent = true;
    return this;
  }
}

/** How often, with so many different noises, an engine passes. */
async function passes(rail: Rail, times: number): Promise<number> {
  let passed = 0;
  for (let seed = 1; seed <= times; seed++) passed += Number((await new Bench(rail, seed).compare())!.passed);
  return passed;
}

describe('the energy gate', () => {
  it('lets an engine that draws the same pass 200 times of 200, with windows that are off by up to 30 %', async () => {
    expect(await passes({ servingMw: 5000, trialMw: 5000, noise: 0.3 }, 200)).toBe(200);
  }, 60_000);

  it('refuses an engine that draws twice as much 200 times of 200, with the same noise', async () => {
    expect(await passes({ servingMw: 5000, trialMw: 10_000, noise: 0.3 }, 200)).toBe(0);
  }, 60_000);

  it('says what was measured, and how far off that may be', async () => {
    const figure = (await new Bench({ servingMw: 5000, trialMw: 6000, noise: 0.02 }, 1).compare())!;
    expect(figure).toMatchObject({ gate: 'energy', bound, passed: true });
    expect(figure.measured).toBeCloseTo(1.2, 1);
    expect(figure.detail).toMatch(
      /draws (29|30|31)\.\d\d mJ, and (24|25)\.\d\d mJ with what serves \(1\.[12]\d times as much, 1\.\d\d to 1\.\d\d by 6 turns\)/,
    );
    expect(figure.detail).not.toContain('not held against it');
  });

  it('takes turns in an order that drift meets evenly', async () => {
    const bench = new Bench({ servingMw: 5000, trialMw: 5000, noise: 0 }, 1);
    await bench.compare();
    const [one, other] = ['serving', 'trial'];
    expect(bench.order.slice(0, 8)).toEqual([other, one, one, other, one, other, other, one]);
  });

  it('says so where the meter does not tell, and passes', async () => {
    const figure = (await new Bench({ servingMw: 5000, trialMw: 7500, noise: 0.6 }, 1).compare())!;
    expect(figure.passed).toBe(true);
    expect(figure.detail).toMatch(/by 24 turns\); .* The meter does not tell these apart/);
    expect(await new Bench({ servingMw: 5000, trialMw: 5000, noise: 0 }, 1).silence().compare()).toBeNull();
  });

  it('holds nothing against an engine that real requests beside it may have drawn, and what they cannot have', async () => {
    const underLoad = (trialMw: number) =>
      new Bench({ servingMw: 5000, trialMw, noise: 0.1, underLoad: true }, 1).compare();
    expect(await underLoad(5000)).toMatchObject({
      passed: true,
      detail: expect.not.stringContaining('Real') as string,
    });
    const open = (await underLoad(10_000))!;
    expect(open.passed).toBe(true);
    expect(open.detail).toMatch(/by 6 turns\); .* Real requests ran beside/);
    expect((await underLoad(20_000))!.passed).toBe(false);
  });
});
