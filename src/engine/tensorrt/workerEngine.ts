import type { Socket } from 'node:net';
import { bundleFiles, encoderToOnnx, readBundle } from '../../model/index.js';
import { infoOf } from '../builder/candidates.js';
import type { BuildSettings, NativePaths } from '../builder/task.js';
import { logSinkTo } from '../worker/workerLog.js';
import { loadAddon } from './addon.js';
import { awaitPlan } from './awaitPlan.js';
import { keyPartsOf } from './keyParts.js';
import { asOwn } from './nativeError.js';
import { bucketsFor } from './shapes.js';
import { TensorRtEngine } from './tensorRtEngine.js';

export interface TensorRtTask {
  readonly folder: string;
  readonly paths: NativePaths;
  readonly settings: BuildSettings;
}

/**
 * The TensorRT engine of a bundle's encoder, in this process: says over `socket` what it depends on, and loads
 * the plan that the daemon answers with.
 *
 * @throws IntentdError `no_addon`, `no_tensorrt`, `no_cuda`, `no_gpu`, `wrong_version`, `plugin`, `bad_engine`,
 *   `out_of_memory`, or why the bundle is refused
 */
export async function openWorkerEngine(task: TensorRtTask, socket: Socket): Promise<TensorRtEngine> {
  const { folder, paths, settings } = task;
  const log = logSinkTo(socket);
  let since = performance.now();
  const done = (stage: string): void => {
    const now = performance.now();
    log('debug', `Starting a worker: ${stage} took ${(now - since).toFixed(1)} ms`);
    since = now;
  };
  const addon = loadAddon(paths.addon);
  addon.setLogSink(log);
  const runtime = await asOwn(() => addon.runtimeInfo());
  done('opening TensorRT and the GPU');
  const { encoder, manifest } = await readBundle(folder);
  done('reading the bundle');
  const digest = manifest.files[bundleFiles.encoder]!.sha256;
  const { attention } = settings;
  const onnx = encoderToOnnx(encoder, { precision: 'int8', attention });
  const parts = await keyPartsOf(runtime, { onnx, encoder: digest }, settings, paths);
  done('the key of its engine');
  const { plan, candidate } = await awaitPlan(socket, parts);
  done('receiving the plan');
  if (attention === 'plugin')
    await asOwn(() => {
      addon.loadPlugins(paths.plugins);
    });
  const engine = await TensorRtEngine.load({
    addon,
    plan,
    buckets: bucketsFor(encoder.architecture.positions),
    limits: encoder.architecture,
    info: infoOf(candidate, { tensorrt: runtime.tensorrt, encoder: digest }, { encoder }),
  });
  done('loading the engine');
  return engine;
}
