import { bundleFiles, encoderToOnnx, type Bundle } from '../../model/index.js';
import type { Engine } from '../engine.js';
import { openOnnxRuntimeEngine } from '../onnxruntime/open.js';
import { weightFormHere } from '../onnxruntime/weightForm.js';
import {
  loadAddon,
  type Bucket,
  type LogSink,
  type NativeAddon,
  type RuntimeInfo,
} from '../tensorrt/addon.js';
import { asOwn } from '../tensorrt/nativeError.js';
import { bucketsFor, profilesFor } from '../tensorrt/shapes.js';
import { buildCandidate, candidatesFor, type BuiltCandidate } from './candidates.js';
import { goldenAnswers, inScopeAccuracy } from './goldenAnswers.js';
import type { AttentionKind, NativePaths } from './task.js';

/** One of the engines that the same bundle can become, loaded in this process. */
export interface EngineVariant {
  readonly name: string;
  readonly engine: Engine;
  /** `null` where there is but one. */
  readonly attention: AttentionKind | null;
  /** Of the TensorRT plan, or of the graph that ONNX Runtime was given. */
  readonly bytes: number;
  /** Products of matrices, and how many of them run sparse, over all profiles; `null` where none can. */
  readonly products: { readonly all: number; readonly sparse: number } | null;
  /** Over the golden utterances in scope; `null` where there are none. */
  readonly inScopeAccuracy: number | null;
}

export interface Variants {
  /** `null` where TensorRT has no part in it. */
  readonly runtime: RuntimeInfo | null;
  readonly variants: readonly EngineVariant[];
}

export interface VariantOptions {
  readonly bundle: Bundle;
  readonly tell: (step: string) => void;
  readonly signal: AbortSignal;
}

export interface TensorRtBuild {
  readonly paths: NativePaths;
  readonly attentions: readonly AttentionKind[];
  /** What the engines are prepared for; as for those that serve if absent. */
  readonly buckets?: readonly Bucket[];
  readonly builderLevel: number;
  readonly workspaceBytes: number;
  readonly sink: LogSink;
}

/** Builds INT8 with sparse tactics allowed, INT8 dense and FP16 dense, with each attention, in this process. */
export async function buildVariants(
  { bundle, tell, signal }: VariantOptions,
  { attentions, buckets, builderLevel, paths, sink, workspaceBytes }: TensorRtBuild,
): Promise<{
  addon: NativeAddon;
  runtime: RuntimeInfo;
  buckets: readonly Bucket[];
  built: BuiltCandidate[];
}> {
  const addon = loadAddon(paths.addon);
  addon.setLogSink(sink);
  const runtime = await asOwn(() => addon.runtimeInfo());
  if (attentions.includes('plugin')) {
    await asOwn(() => {
      addon.loadPlugins(paths.plugins);
    });
  }
  const { positions } = bundle.encoder.architecture;
  const around = {
    addon,
    tensorrt: runtime.tensorrt,
    bundle,
    encoder: encoderOf(bundle),
    profiles: profilesFor(positions),
    buckets: buckets ?? bucketsFor(positions),
    workspaceBytes,
    builderLevel,
    signal,
  };
  const built: BuiltCandidate[] = [];
  for (const candidate of attentions.flatMap((attention) => candidatesFor('all', attention))) {
    tell(`building ${candidate.name} with ${candidate.attention} attention`);
    built.push(await buildCandidate(candidate, around, built.at(-1)?.timingCache, () => undefined));
  }
  return { addon, runtime, buckets: around.buckets, built };
}

/**
 * The engines that TensorRT makes of a bundle, by the rule of {@link buildVariants}.
 *
 * @throws IntentdError what TensorRT, CUDA or the bundle lack, `cancelled`
 */
export async function openTensorRtVariants(options: VariantOptions, build: TensorRtBuild): Promise<Variants> {
  const { runtime, built } = await buildVariants(options, build);
  const variants: EngineVariant[] = [];
  for (const { candidate, engine, report } of built) {
    options.tell(`asking ${candidate.name} the golden utterances`);
    const accuracy = inScopeAccuracy(await goldenAnswers(engine, options.bundle), options.bundle);
    const { attention, name } = candidate;
    const { planBytes: bytes, products } = report;
    variants.push({ name, engine, attention, bytes, products, inScopeAccuracy: accuracy });
  }
  return { runtime, variants };
}

/**
 * The engines that ONNX Runtime makes of a bundle on the CPU: INT8 and FP32 of the same weights.
 *
 * @throws IntentdError `bad_graph`
 */
export async function openCpuVariants(
  { bundle, tell, signal }: VariantOptions,
  threads: number,
): Promise<Variants> {
  const variants: EngineVariant[] = [];
  for (const precision of ['int8', 'fp32'] as const) {
    signal.throwIfAborted();
    tell(`loading ${precision}`);
    const { encoder } = bundle;
    const weights = precision === 'int8' ? { weights: weightFormHere() } : {};
    const bytes = encoderToOnnx(encoder, { precision, attention: 'onnxruntime', ...weights }).length;
    const engine = await openOnnxRuntimeEngine({ encoder, digest: encoderOf(bundle), precision, threads });
    const accuracy = inScopeAccuracy(await goldenAnswers(engine, bundle), bundle);
    variants.push({
      name: precision,
      engine,
      attention: null,
      bytes,
      products: null,
      inScopeAccuracy: accuracy,
    });
  }
  return { runtime: null, variants };
}

function encoderOf({ manifest }: Bundle): string {
  return manifest.files[bundleFiles.encoder]!.sha256;
}
