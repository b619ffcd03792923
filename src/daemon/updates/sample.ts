/** What some answers of one engine had in common. */
export class Sample {
  readonly #times: number[] = [];
  #asked = 0;
  #failed = 0;
  #outOfScope = 0;

  /** An answer, and how long an utterance of its batch kept the engine, in milliseconds. */
  answered(ms: number, outOfScope: boolean): void {
    this.#asked += 1;
    this.#times.push(ms);
    if (outOfScope) this.#outOfScope += 1;
  }

  failed(): void {
    this.#asked += 1;
    this.#failed += 1;
  }

  get asked(): number {
    return this.#asked;
  }

  get answers(): number {
    return this.#times.length;
  }

  /** Share of what was asked that failed; 0 of nothing. */
  get errorShare(): number {
    return this.#asked === 0 ? 0 : this.#failed / this.#asked;
  }

  /** Share of the answers that are out of scope; 0 of none. */
  get outOfScopeShare(): number {
    return this.answers === 0 ? 0 : this.#outOfScope / this.answers;
  }

  /** The smallest time that so many percent of the answers do not exceed, in milliseconds; `null` of none. */
  percentileMs(percent: number): number | null {
    const sorted = Float64Array.from(this.#times).sort();
    return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null;
  }
}

/** Two engines that were asked the same. */
export class Comparison {
  readonly serving = new Sample();
  readonly trial = new Sample();
  #both = 0;
  #alike = 0;

  /** Notes the intents of both; `null` is out of scope. */
  note(serving: string | null, trial: string | null): void {
    this.#both += 1;
    if (serving === trial) this.#alike += 1;
  }

  /** Utterances that both answered. */
  get both(): number {
    return this.#both;
  }

  /** Share of them with the same answer; `null` of none. */
  get agreement(): number | null {
    return this.#both === 0 ? null : this.#alike / this.#both;
  }

  /** How many times longer the trial takes, at a percentile; `null` where one of them has no time. */
  ratioAt(percent: number): number | null {
    const [serving, trial] = [this.serving.percentileMs(percent), this.trial.percentileMs(percent)];
    if (serving === null || trial === null || serving === 0) return null;
    return trial / serving;
  }
}
