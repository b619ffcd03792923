import { readBundle } from '../../model/index.js';
import type { Bucket, LogSink, RuntimeInfo } from '../tensorrt/addon.js';
import { measureEngines } from './measure.js';
import type { CandidateReport } from './report.js';
import type { AttentionKind, NativePaths } from './task.js';
import { buildVariants } from './variants.js';

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
 * Builds every engine that a bundle's encoder can become and times every shape in all of them by turns. In this
 * process: never in one that serves.
 *
 * @throws IntentdError what TensorRT, CUDA or the bundle lack
 */
export async function benchEngines(options: BenchOptions): Promise<BenchReport> {
  const { buckets, folder, measureMs, tell } = options;
  const bundle = await readBundle(folder);
  const { signal } = new AbortController();
  const { addon, built, runtime } = await buildVariants({ bundle, tell, signal }, options);
  const handles = built.map(({ engine }) => engine.handle);
  const figures = await measureEngines(addon, handles, buckets, measureMs, (share) => {
    tell(`measuring, ${Math.round(share * 100)} %`);
  });
  for (const { engine } of built) await engine.close();
  return { runtime, engines: built.map(({ report }, at) => ({ ...report, buckets: figures[at]! })) };
}
