import type { DecisionRules } from '../decision/index.js';
import type { Engine } from '../engine/index.js';

/** A loaded bundle, as requests need it. */
export interface ServedModel {
  readonly id: string;
  readonly version: string;
  /** Name of its head in the engine. */
  readonly head: string;
  readonly engine: Pick<Engine, 'infer' | 'info'>;
  readonly rules: DecisionRules;
  readonly tokenizer: {
    readonly positions: number;
    encode(text: string): { readonly ids: Int32Array; readonly truncated: boolean };
  };
}

/** The loaded bundles by id, and the one that answers requests which name none. */
export interface ServedModels {
  readonly byId: ReadonlyMap<string, ServedModel>;
  readonly default: ServedModel | undefined;
}
