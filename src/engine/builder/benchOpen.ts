import type { BenchOptions, BenchReport } from './bench.js';
import type { RuntimeInfo } from '../tensorrt/addon.js';
import type { NativePaths } from './task.js';
import type { TensorRtBuild, VariantOptions, Variants } from './variants.js';

/** `benchEngines`, whose libraries are loaded here and not before. */
export async function benchEngines(options: BenchOptions): Promise<BenchReport> {
  const bench = await import('./bench.js');
  return bench.benchEngines(options);
}

/** `openTensorRtVariants`, whose libraries are loaded here and not before. */
export async function openTensorRtVariants(options: VariantOptions, build: TensorRtBuild): Promise<Variants> {
  const variants = await import('./variants.js');
  return variants.openTensorRtVariants(options, build);
}

/** `openCpuVariants`, whose libraries are loaded here and not before. */
export async function openCpuVariants(options: VariantOptions, threads: number): Promise<Variants> {
  const variants = await import('./variants.js');
  return variants.openCpuVariants(options, threads);
}

/**
 * What TensorRT and GPU this process finds.
 *
 * @throws IntentdError `no_addon`, `no_tensorrt`, `no_cuda`, `no_gpu`, `wrong_version`
 */
export async function tensorRtRuntime({ addon }: NativePaths): Promise<RuntimeInfo> {
  const [{ loadAddon }, { asOwn }] = await Promise.all([
    import('../tensorrt/addon.js'),
    import('../tensorrt/nativeError.js'),
  ]);
  return asOwn(() => loadAddon(addon).runtimeInfo());
}
