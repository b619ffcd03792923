import { IntentdError } from '../../base/index.js';
import type { CandidateReport, LayerReport, PlannedLayer } from './report.js';

/** A layer in TensorRT's inspector JSON, of what we read of it. */
interface InspectedLayer {
  readonly Name: string;
  readonly LayerType?: string;
  readonly TacticName?: string;
  readonly Metadata?: string;
  readonly Outputs?: readonly { readonly 'Format/Datatype'?: string }[];
}

const product = /gemm|fprop|xmma|cublas|matmul|cutlass/i;
/** Fused attention is no product of weights. */
const attention = /mha|LocalGlobalAttention/i;
/** A node of our graphs that multiplies by weights: `layer.0.attention.query+attention.key.product`. */
const productNode = /(layer\.\d+)\.([\w.+]+?)\.product\b/g;
/** Names of nodes that stand for several linear layers. */
const together: Readonly<Record<string, readonly string[]>> = {
  'attention.queryKey': ['attention.query', 'attention.key'],
  'attention.queryKeyValue': ['attention.query', 'attention.key', 'attention.value'],
};

/**
 * Reads what TensorRT's engine inspector says of an engine that was built with detailed profiling.
 *
 * @throws IntentdError `bad_inspection` where it is no such JSON
 */
export function parseInspection(json: string): LayerReport[] {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch (cause) {
    throw new IntentdError('bad_inspection', "TensorRT's inspector gave no JSON.", { cause });
  }
  const layers = (data as { Layers?: unknown } | null)?.Layers;
  if (!Array.isArray(layers)) {
    throw new IntentdError('bad_inspection', "TensorRT's inspector named no layers.");
  }
  return layers.filter(isDetailed).map(layerOf);
}

/** Products of matrices, and how many run a sparse tactic. */
export function countProducts(layers: readonly LayerReport[]): CandidateReport['products'] {
  const products = layers.filter(isProduct);
  return { all: products.length, sparse: products.filter(({ sparse }) => sparse).length };
}

/**
 * For each linear layer whose weights are 2:4, whether its product runs sparse in each profile.
 *
 * @param names full names of the 2:4 layers
 */
export function plannedLayers(
  layers: readonly LayerReport[],
  names: readonly string[],
  profiles: number,
): PlannedLayer[] {
  return names.map((name) => ({
    name,
    sparse: Array.from({ length: profiles }, (_, profile) =>
      layers.some((layer) => layer.profile === profile && layer.sparse && layer.linears.includes(name)),
    ),
  }));
}

function isProduct({ tactic, name }: LayerReport): boolean {
  return product.test(tactic) && !attention.test(tactic) && !attention.test(name);
}

/** Without detailed profiling a layer is its name alone. */
function isDetailed(layer: unknown): layer is InspectedLayer {
  return typeof layer === 'object' && layer !== null && typeof (layer as InspectedLayer).Name === 'string';
}

function layerOf(layer: InspectedLayer): LayerReport {
  const { Name: name, LayerType: type = '', TacticName: tactic = '', Metadata: metadata = '' } = layer;
  const profile = /\[profile (\d+)\]/.exec(name)?.[1];
  return {
    name,
    type,
    precision: precisionOf(layer.Outputs?.[0]?.['Format/Datatype'] ?? ''),
    tactic,
    sparse: /sparse|spgemm/i.test(tactic),
    profile: profile === undefined ? 0 : Number(profile),
    linears: linearsOf(`${name} ${metadata}`),
  };
}

function linearsOf(text: string): string[] {
  const found = [...text.matchAll(productNode)].flatMap(([, layer, name]) =>
    (together[name!] ?? name!.split('+')).map((linear) => `${layer!}.${linear}`),
  );
  return [...new Set(found)];
}

/** TensorRT writes `Int8`, `Row major Int8 format`, `Half`, `Thirty-two wide channel vectorized row major Int8 format`. */
function precisionOf(format: string): string {
  return /\b(Int8|Half|FP16|Float|FP32|Int32|Int64|Bool|FP8|BF16)\b/i.exec(format)?.[1] ?? format;
}
