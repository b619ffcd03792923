import type { Socket } from 'node:net';
import { sha256 } from '../../base/index.js';
import { bundleFiles, encoderToOnnx, type Manifest, readBundle, readManifest } from '../../model/index.js';
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
  /** SHA-256 of the INT8 graph, where this program made it before: then the bundle's manifest is all that is read. */
  readonly graph?: string;
}

/**
 * The TensorRT engine of a bundle's encoder, in this process: says over `socket` what it depends on, and loads
 * the plan that the daemon answers with.
 *
 * @throws IntentdError `no_addon`, `no_tensorrt`, `no_cuda`, `no_gpu`, `wrong_version`, `plugin`, `bad_engine`,
 *   `out_of_memory`, or why the bundle is refused
 */
export async function openWorkerEngine(task: TensorRtTask, socket: Socket): Promise<TensorRtEngine> {
  const { paths, settings } = task;
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
  const { manifest, graph } = await graphOf(task);
  done('reading the bundle');
  const encoder = manifest.files[bundleFiles.encoder]!.sha256;
  const parts = await keyPartsOf(runtime, { onnx: graph, encoder }, settings, paths);
  done('the key of its engine');
  const { plan, candidate } = await awaitPlan(socket, parts);
  done('receiving the plan');
  if (settings.attention === 'plugin')
    await asOwn(() => {
      addon.loadPlugins(paths.plugins);
    });
  const engine = await TensorRtEngine.load({
    addon,
    plan,
    buckets: bucketsFor(manifest.architecture.positions),
    limits: manifest.architecture,
    info: infoOf(candidate, { tensorrt: runtime.tensorrt, encoder }, manifest.architecture.hidden),
  });
  done('loading the engine');
  return engine;
}

async function graphOf({
  folder,
  graph,
  settings,
}: TensorRtTask): Promise<{ readonly manifest: Manifest; readonly graph: string }> {
  if (graph !== undefined) {
    const { manifest } = await readManifest(folder);
    return { manifest, graph };
  }
  const { encoder, manifest } = await readBundle(folder);
  const onnx = encoderToOnnx(encoder, { precision: 'int8', attention: settings.attention });
  return { manifest, graph: sha256(onnx) };
}
