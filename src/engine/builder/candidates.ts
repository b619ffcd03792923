import { performance } from 'node:perf_hooks';
import { encoderToOnnx, sparseLayersOf, type Bundle } from '../../model/index.js';
import type { EngineInfo } from '../engine.js';
import type {
  BuildOptions,
  BuildProgress,
  Bucket,
  BuiltEngine,
  NativeAddon,
  Profile,
} from '../tensorrt/addon.js';
import { asOwn } from '../tensorrt/nativeError.js';
import { TensorRtEngine } from '../tensorrt/tensorRtEngine.js';
import { countProducts, parseInspection, plannedLayers } from './inspector.js';
import type { CandidateReport } from './report.js';
import type { AttentionKind } from './task.js';

/** One engine to build and to measure beside the others. */
export interface Candidate {
  readonly name: string;
  readonly precision: 'int8' | 'fp16';
  readonly sparse: boolean;
  readonly attention: AttentionKind;
}

/** The engines that are built to choose from. */
export function candidatesFor(which: 'int8' | 'all', attention: AttentionKind): Candidate[] {
  const int8 = [
    { name: 'int8-sparse', precision: 'int8', sparse: true, attention },
    { name: 'int8-dense', precision: 'int8', sparse: false, attention },
  ] as const;
  return which === 'int8'
    ? [...int8]
    : [...int8, { name: 'fp16-dense', precision: 'fp16', sparse: false, attention }];
}

export function graphFor({ precision, attention }: Candidate, { encoder }: Bundle): Uint8Array {
  return encoderToOnnx(encoder, { precision, attention });
}

export interface BuildSurroundings {
  readonly addon: NativeAddon;
  readonly tensorrt: string;
  readonly bundle: Bundle;
  /** SHA-256 of `encoder.safetensors`. */
  readonly encoder: string;
  readonly profiles: readonly Profile[];
  readonly buckets: readonly Bucket[];
  readonly workspaceBytes: number;
  readonly builderLevel: number;
  /** Ends the build that is under way, which fails with `cancelled` then. */
  readonly signal?: AbortSignal;
}

/** A candidate that was built and is loaded. */
export interface BuiltCandidate {
  readonly candidate: Candidate;
  readonly plan: Uint8Array;
  readonly timingCache: Uint8Array;
  readonly engine: TensorRtEngine;
  readonly report: Omit<CandidateReport, 'golden' | 'buckets'>;
}

/** @throws IntentdError `parse_failed`, `build_failed`, `bad_engine`, `out_of_memory`, `cancelled`, … */
export async function buildCandidate(
  candidate: Candidate,
  { addon, bundle, buckets, profiles, ...around }: BuildSurroundings,
  timingCache: Uint8Array | undefined,
  progress: (progress: BuildProgress) => void,
): Promise<BuiltCandidate> {
  const { workspaceBytes, builderLevel } = around;
  const options = {
    profiles,
    sparse: candidate.sparse,
    workspaceBytes,
    builderLevel,
    detailedProfiling: true,
  };
  const known = timingCache === undefined ? {} : { timingCache };
  const onnx = graphFor(candidate, bundle);
  const built = await asOwn(() => buildOf(addon, onnx, { ...options, ...known }, progress, around.signal));
  const info = infoOf(candidate, around, bundle.encoder.architecture.hidden);
  const before = performance.now();
  const limits = bundle.encoder.architecture;
  const engine = await TensorRtEngine.load({ addon, plan: built.plan, buckets, limits, info });
  const loadMs = performance.now() - before;
  const { layers: json, planBytes, deviceBytes, activationBytes } = addon.engineInfo(engine.handle);
  const layers = parseInspection(json);
  const figures = { buildMs: built.buildMs, loadMs, planBytes, deviceBytes, activationBytes };
  const planned = plannedLayers(layers, sparseLayersOf(bundle.encoder), profiles.length);
  return {
    candidate,
    plan: built.plan,
    timingCache: built.timingCache,
    engine,
    report: { ...candidate, ...figures, layers, products: countProducts(layers), planned },
  };
}

async function buildOf(
  addon: NativeAddon,
  onnx: Uint8Array,
  options: BuildOptions,
  progress: (progress: BuildProgress) => void,
  signal: AbortSignal | undefined,
): Promise<BuiltEngine> {
  const build = addon.buildEngine(onnx, options, progress);
  const cancel = (): void => {
    build.cancel();
  };
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel);
  try {
    return await build.done;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** What an engine built from a candidate says of itself. */
export function infoOf(
  { precision, name, attention }: Candidate,
  { tensorrt, encoder }: Pick<BuildSurroundings, 'tensorrt' | 'encoder'>,
  hidden: number,
): EngineInfo {
  return {
    kind: 'tensorrt',
    version: tensorrt,
    precision,
    form: `${name}, ${attention} attention`,
    encoder,
    hidden,
  };
}
