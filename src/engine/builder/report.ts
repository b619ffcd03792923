import type { Profile } from '../tensorrt/addon.js';
import type { KeyParts } from '../cache/key.js';
import type { Choice } from './choose.js';
import type { BuildSettings } from './task.js';

/** What a bucket needs: GPU times of one run from copying in to copying out, energy of one utterance. */
export interface BucketFigures {
  readonly batch: number;
  readonly sequence: number;
  readonly runs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of the whole GPU, gross, by its own counter, an utterance; `null` where there is none. */
  readonly energyMj: number | null;
}

/** One layer of an engine, as TensorRT's inspector names it. */
export interface LayerReport {
  readonly name: string;
  readonly type: string;
  /** Of the layer's first output, e.g. `Int8`. */
  readonly precision: string;
  readonly tactic: string;
  readonly sparse: boolean;
  /** Index of the optimization profile it is for. */
  readonly profile: number;
  /** Linear layers of the encoder that it computes, e.g. `layer.0.intermediate`. */
  readonly linears: readonly string[];
}

/** A layer whose weights are 2:4, and whether its product runs sparse, profile by profile. */
export interface PlannedLayer {
  readonly name: string;
  readonly sparse: readonly boolean[];
}

export interface CandidateReport {
  readonly name: string;
  readonly precision: 'int8' | 'fp16';
  /** Whether sparse tactics were allowed. */
  readonly sparse: boolean;
  readonly attention: 'plugin' | 'standard';
  readonly buildMs: number;
  readonly loadMs: number;
  readonly planBytes: number;
  readonly deviceBytes: number;
  readonly activationBytes: number;
  readonly layers: readonly LayerReport[];
  /** Products of matrices, and how many of them run a sparse tactic, over all profiles. */
  readonly products: { readonly all: number; readonly sparse: number };
  readonly planned: readonly PlannedLayer[];
  /** Over the bundle's golden utterances; `null` where there are none. */
  readonly golden: {
    readonly utterances: number;
    readonly inScopeAccuracy: number | null;
    /** Share of those in scope whose best intent is the CPU engine's; of all where none is in scope. */
    readonly agreement: number;
    /** The same of those out of scope, whose best intent is no answer; `null` where there are none. */
    readonly outOfScopeAgreement: number | null;
  } | null;
  readonly buckets: readonly BucketFigures[];
}

/** What is kept beside a plan, and what `intentd engine report` shows. */
export interface EngineReport {
  readonly format: 1;
  readonly key: string;
  /** What the key is made of. */
  readonly parts: KeyParts;
  /** The candidate that is the plan. */
  readonly choice: Choice;
  readonly candidates: readonly CandidateReport[];
  /** The golden accuracy of the CPU engine; `null` where no utterance is in scope. */
  readonly cpuInScopeAccuracy: number | null;
  readonly profiles: readonly Profile[];
  readonly settings: BuildSettings;
  readonly workspaceBytes: number;
  /** From the start of the builder to its report. */
  readonly totalMs: number;
  /** The most memory of the host that the builder held. */
  readonly peakResidentMib: number;
  /** ISO 8601. */
  readonly builtAt: string;
}
