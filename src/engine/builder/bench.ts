import { bundleFiles, readBundle } from '../../model/index.js';
import { loadAddon, type Bucket, type LogSink, type RuntimeInfo } from '../tensorrt/addon.js';
import { asOwn } from '../tensorrt/nativeError.js';
import { profilesFor } from '../tensorrt/shapes.js';
import { buildCandidate, candidatesFor, type BuiltCandidate } from './candidates.js';
import { measureEngines } from './measure.js';
import type { CandidateReport } from './report.js';
import type { AttentionKind, NativePaths } from './task.js';

export interface BenchOptions {
  readonly folder: string;
  readonly paths: NativePaths;
  readonly attentions: readonly AttentionKind[];
  readonly buckets: readonly Bucket[];
  readonly builderLevel: number;
  readonly workspaceBytes: number;
  /** How long each shape of each engine is timed, in milliseconds. */
  readonly measureMs: number;
  readonly tell: (step: string) => void;
  readonly sink: LogSink;
}

export interface BenchReport {
  readonly runtime: RuntimeInfo;
  readonly engines: readonly Omit<CandidateReport, 'golden'>[];
}

/**
 * Builds a bundle's encoder as INT8 with sparse tactics allowed, INT8 dense and FP16 dense, with each attention,
 * and times every shape in all of them by turns. In this process: never in one that serves.
 *
 * @throws IntentdError what TensorRT, CUDA or the bundle lack
 */
export async function benchEngines(options: BenchOptions): Promise<BenchReport> {
  const { attentions, buckets, builderLevel, folder, measureMs, paths, sink, tell, workspaceBytes } = options;
  const addon = loadAddon(paths.addon);
  addon.setLogSink(sink);
  const runtime = await asOwn(() => addon.runtimeInfo());
  if (attentions.includes('plugin')) {
    await asOwn(() => {
      addon.loadPlugins(paths.plugins);
    });
  }
  const bundle = await readBundle(folder);
  const encoder = bundle.manifest.files[bundleFiles.encoder]!.sha256;
  const profiles = profilesFor(bundle.encoder.architecture.positions);
  const { tensorrt } = runtime;
  const around = { addon, tensorrt, bundle, encoder, profiles, buckets, workspaceBytes, builderLevel };
  const built: BuiltCandidate[] = [];
  for (const candidate of attentions.flatMap((attention) => candidatesFor('all', attention))) {
    tell(`building ${candidate.name} with ${candidate.attention} attention`);
    built.push(await buildCandidate(candidate, around, built.at(-1)?.timingCache, () => undefined));
  }
  const handles = built.map(({ engine }) => engine.handle);
  const figures = await measureEngines(addon, handles, buckets, measureMs, (share) => {
    tell(`measuring, ${Math.round(share * 100)} %`);
  });
  for (const { engine } of built) await engine.close();
  return { runtime, engines: built.map(({ report }, at) => ({ ...report, buckets: figures[at]! })) };
}
