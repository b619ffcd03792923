/** The seven places of a layer whose activations are quantized; see docs/bundle-format.md. */
export const activationSites = [
  'input',
  'qkv',
  'context',
  'attentionOutput',
  'feedForwardInput',
  'intermediate',
  'feedForwardOutput',
] as const;
export type ActivationSite = (typeof activationSites)[number];

/** The six linear layers of an encoder layer, as named behind `layer.N.` in a bundle. */
export const linearNames = [
  'attention.query',
  'attention.key',
  'attention.value',
  'attention.output',
  'intermediate',
  'output',
] as const;
export type LinearName = (typeof linearNames)[number];

/** What a BERT encoder computes, as a Hugging Face `config.json` of type `bert` names it. */
export interface Architecture {
  readonly type: 'bert';
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly tokenTypes: number;
  readonly activation: 'gelu' | 'gelu_new' | 'relu';
  readonly layerNormEpsilon: number;
  readonly pooling: 'mean' | 'cls';
  readonly normalize: boolean;
}

/** Local + global attention; `windowEachSide` −1 is dense, 0 is self only. */
export interface AttentionPattern {
  readonly windowEachSide: number;
  readonly globalTokens: number;
}

/** A weight matrix `[rows, columns]` row-major: floating point, or INT8 with one scale a row. */
export type Matrix =
  | { readonly kind: 'float'; readonly rows: number; readonly columns: number; readonly data: Float32Array }
  | {
      readonly kind: 'int8';
      readonly rows: number;
      readonly columns: number;
      readonly data: Int8Array;
      readonly scale: Float32Array;
      /** Every group of four along the columns has at least two zeros, and it is stored packed. */
      readonly sparse: boolean;
    };

/** `y = x · Wᵀ + b`: `weight` is `[out, in]`, `bias` `[out]`. */
export interface Linear {
  readonly weight: Matrix;
  readonly bias: Float32Array;
}

/** LayerNorm's gain and offset, `[hidden]` each. */
export interface LayerNorm {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

export interface EncoderLayer {
  readonly linear: Readonly<Record<LinearName, Linear>>;
  readonly attentionNorm: LayerNorm;
  readonly outputNorm: LayerNorm;
  /** The quantization step of each site; absent where nothing was calibrated. */
  readonly activation?: Readonly<Record<ActivationSite, number>>;
}

/** An encoder in memory: what `encoder.safetensors` or a Hugging Face checkpoint holds. */
export interface Encoder {
  readonly architecture: Architecture;
  readonly attention: AttentionPattern;
  readonly word: Matrix;
  readonly position: Matrix;
  /** `[tokenTypes, hidden]`; utterances use row 0. */
  readonly tokenType: Float32Array;
  readonly norm: LayerNorm;
  readonly layers: readonly EncoderLayer[];
}

/** A classifier over embeddings: linear, or with one hidden layer. Rows past `intents` are background. */
export interface Head {
  readonly hidden?: {
    readonly weight: Float32Array;
    readonly bias: Float32Array;
    readonly size: number;
    readonly activation: 'gelu' | 'tanh' | 'relu';
  };
  /** `[intents + background, size]` where size is the hidden layer's, or the encoder's. */
  readonly output: { readonly weight: Float32Array; readonly bias: Float32Array };
  readonly intents: number;
  readonly background: number;
  /** `[intents, hidden]`, unit length. */
  readonly centroids?: Float32Array;
  /** SHA-256 of the `encoder.safetensors` it was fitted on. */
  readonly encoder: string;
}

/** What an engine computes of a head: its matrices. */
export type HeadWeights = Pick<Head, 'hidden' | 'output' | 'intents' | 'background'>;
