import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../base/index.js';
import { readBundle } from '../../model/index.js';
import type { Bucket, LogSink, RuntimeInfo } from '../tensorrt/addon.js';
import { measureEngines } from './measure.js';
import type { CandidateReport } from './report.js';
import type { AttentionKind, NativePaths } from './task.js';
import type { BuiltCandidate } from './candidates.js';
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
  /** Where to write the plans, `NAME-ATTENTION.plan`; nowhere if absent. */
  readonly keep?: string;
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
  if (options.keep !== undefined) await writePlans(options.keep, built);
  const handles = built.map(({ engine }) => engine.handle);
  const figures = await measureEngines(addon, handles, buckets, measureMs, (share) => {
    tell(`measuring, ${Math.round(share * 100)} %`);
  });
  for (const { engine } of built) await engine.close();
  return { runtime, engines: built.map(({ report }, at) => ({ ...report, buckets: figures[at]! })) };
}

async function writePlans(folder: string, built: readonly BuiltCandidate[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { candidate, plan } of built) {
    await writeFileAtomic(join(folder, `${candidate.name}-${candidate.attention}.plan`), plan);
  }
}
