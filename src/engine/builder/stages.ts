/** How far a build is. */
export interface BuildStatus {
  /** What is being done, in a few words. */
  readonly step: string;
  /** 0…100, of the whole. */
  readonly percent: number;
  /** Seconds until the end, if it goes on as it went; `null` while too little is known. */
  readonly etaSeconds: number | null;
}

/** A stage and its expected share of the whole time. */
export interface Stage {
  readonly step: string;
  readonly weight: number;
}

/** Under this share an estimate is a guess. */
const tooEarly = 0.03;

/** Turns stages, each with its own progress, into one that only goes forward. */
export class Stages {
  readonly #stages: readonly Stage[];
  readonly #tell: (status: BuildStatus) => void;
  readonly #now: () => number;
  readonly #startedMs: number;
  readonly #whole: number;
  #done = 0;
  #told = -1;

  constructor(stages: readonly Stage[], tell: (status: BuildStatus) => void, now: () => number) {
    this.#stages = stages;
    this.#tell = tell;
    this.#now = now;
    this.#startedMs = now();
    this.#whole = stages.reduce((sum, { weight }) => sum + weight, 0);
  }

  /**
   * Begins a stage; those before it are over.
   *
   * @returns takes how far it is, 0…1; every whole percent is told once
   */
  begin(step: string): (share: number) => void {
    const at = this.#stages.findIndex((stage) => stage.step === step);
    const stage = this.#stages[at] ?? { step, weight: 0 };
    this.#done = this.#stages.slice(0, Math.max(0, at)).reduce((sum, { weight }) => sum + weight, 0);
    this.#told = -1;
    const update = (share: number): void => {
      this.#update(step, (this.#done + stage.weight * Math.min(1, share)) / this.#whole);
    };
    update(0);
    return update;
  }

  #update(step: string, share: number): void {
    const percent = Math.floor(share * 100);
    if (percent <= this.#told) return;
    this.#told = percent;
    const elapsedMs = this.#now() - this.#startedMs;
    const etaSeconds = share < tooEarly ? null : Math.round((elapsedMs / share - elapsedMs) / 1000);
    this.#tell({ step, percent, etaSeconds });
  }
}
