import { Socket } from 'node:net';
import { bundleFiles, readBundle } from '../../model/index.js';
import type { Engine } from '../engine.js';
import { isLostGpu } from '../tensorrt/nativeError.js';
import type { TensorRtTask } from '../tensorrt/workerEngine.js';
import { sendFailure, serveEngine } from './serve.js';

/** What the daemon asks of a worker, as JSON in the first argument: which engine for the bundle's encoder. */
export type WorkerTask =
  | { readonly kind: 'onnxruntime' | 'none'; readonly folder: string; readonly threads: number }
  | ({ readonly kind: 'tensorrt' } & TensorRtTask);

// Whoever stops the daemon with a signal to its whole group must not take its engine away before the
// last answers: a worker ends with its socket.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const socket = new Socket({ fd: 3 });
socket.on('close', () => process.exit());
socket.on('error', () => process.exit(1));

try {
  serveEngine(socket, await engineOf(JSON.parse(process.argv[2] ?? '') as WorkerTask), isLostGpu);
} catch (error) {
  sendFailure(socket, 0, error);
  socket.end();
}

async function engineOf(task: WorkerTask): Promise<Engine> {
  const engine = await readEngine(task);
  // The engine has its own copy of the weights now; the ones they were made of are freed at once.
  (globalThis as { gc?: () => void }).gc?.();
  return engine;
}

/** Each engine's library is loaded where it is asked for alone. */
async function readEngine(task: WorkerTask): Promise<Engine> {
  if (task.kind === 'tensorrt') {
    const { openWorkerEngine } = await import('../tensorrt/workerEngine.js');
    return openWorkerEngine(task, socket);
  }
  const { encoder, manifest } = await readBundle(task.folder);
  const digest = manifest.files[bundleFiles.encoder]!.sha256;
  if (task.kind === 'none') {
    const { NoEngine } = await import('../onnxruntime/noEngine.js');
    return new NoEngine(digest, encoder.architecture.hidden);
  }
  const { OnnxRuntimeEngine } = await import('../onnxruntime/onnxRuntimeEngine.js');
  return OnnxRuntimeEngine.create({ encoder, digest, threads: task.threads });
}
