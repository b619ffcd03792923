import type { Multiply } from '../posttraining/index.js';
import type { SparsityPlan } from '../sparsity/index.js';
import type { CalibrationUtterance } from './utterances.js';

/** How {@link importHuggingFace} makes a bundle. */
export interface ImportOptions {
  /** The bundle's folder; it must not exist, or be empty. */
  readonly out: string;
  /** Names of the classifier's outputs, in order; the checkpoint's own `id2label` if absent. */
  readonly labels?: readonly string[];
  /** Utterances to calibrate and to measure on; a built-in neutral set if absent. */
  readonly utterances?: readonly CalibrationUtterance[];
  /** Wanted share of zeros among the encoder's linear weights; default 0.4, 0 leaves it dense. */
  readonly target?: number;
  /** How far the share may be from the target; default 0.005. */
  readonly tolerance?: number;
  /** Measured sensitivities by layer name; computed from weights and utterances if absent. */
  readonly sensitivities?: Readonly<Record<string, number>>;
  /** Bundle id; made from the checkpoint folder's name if absent. */
  readonly id?: string;
  /** Bundle version; 1.0.0 if absent. */
  readonly version?: string;
  /** Fits temperature and threshold where labelled utterances allow it; nothing is fitted if absent. */
  readonly fits?: DecisionFits;
  /** Computes matrix products; slow plain TypeScript if absent. */
  readonly multiply?: Multiply;
}

/** How {@link planHuggingFace} plans. */
export type PlanHuggingFaceOptions = Pick<
  ImportOptions,
  'utterances' | 'target' | 'tolerance' | 'sensitivities' | 'multiply'
>;

/** How decision parameters are fitted; the decision room's functions of the same names. */
export interface DecisionFits {
  /** The temperature under which the right intents are likeliest; `logits` `[size, intents]` row-major. */
  fitTemperature(data: {
    readonly logits: Float32Array;
    readonly targets: Int32Array;
    readonly intents: number;
  }): number;
  /** The largest threshold that rejects at most `falseRejection` of the in-scope scores. */
  fitThreshold(inScope: readonly number[], falseRejection?: number): number;
}

/** One step of an import; `done` of `total` when it is reported. */
export interface ImportProgress {
  readonly stage: 'observing' | 'compressing' | 'measuring' | 'writing';
  readonly done: number;
  readonly total: number;
}

/** How one stage of an import answers on utterances that nothing was fitted on. */
export interface StageFigures {
  readonly stage: 'dense' | 'pruned' | 'int8';
  /** Mean cosine between this stage's embedding and the dense one's. */
  readonly embeddingCosine: number;
  /** Share of utterances with the same best output as the dense stage. */
  readonly agreement: number;
  /** Share of in-scope utterances answered rightly; absent where no utterance has a label. */
  readonly accuracy?: number;
}

/** The quantization steps of one site of one layer, and the error of other choices beside it. */
export interface SiteFigures {
  readonly site: string;
  readonly step: number;
  /** Relative squared error of the chosen step, of the largest magnitude's, and of the 99.99th percentile's. */
  readonly error: { readonly chosen: number; readonly maximum: number; readonly percentile: number };
}

/** What an import did and what it cost. */
export interface ImportReport {
  readonly out: string;
  readonly id: string;
  readonly plan: SparsityPlan;
  readonly sensitivities: Readonly<Record<string, number>>;
  /** Of `calibration` utterances steps and corrections were taken; `heldOut` were measured on. */
  readonly utterances: {
    readonly source: 'given' | 'built-in';
    readonly calibration: number;
    readonly heldOut: number;
    readonly labelled: boolean;
  };
  readonly stages: readonly StageFigures[];
  readonly activations: readonly SiteFigures[];
  readonly golden: {
    readonly utterances: number;
    readonly source: 'labels' | 'own answers';
    readonly accuracy: number;
  };
  /** Plain sentences on what was assumed, fitted or lost. */
  readonly notes: readonly string[];
}
