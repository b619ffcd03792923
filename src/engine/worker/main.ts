import { Socket } from 'node:net';
import { bundleFiles, readBundle } from '../../model/index.js';
import type { Engine } from '../engine.js';
import { NoEngine } from '../onnxruntime/noEngine.js';
import { OnnxRuntimeEngine } from '../onnxruntime/onnxRuntimeEngine.js';
import { sendFailure, serveEngine } from './serve.js';

/** What the daemon asks of a worker, as JSON in the first argument. */
interface WorkerTask {
  /** The bundle whose encoder to load. */
  readonly folder: string;
  readonly kind: 'onnxruntime' | 'none';
  readonly threads: number;
}

// Whoever stops the daemon with a signal to its whole group must not take its engine away before the
// last answers: a worker ends with its socket.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const socket = new Socket({ fd: 3 });
socket.on('close', () => process.exit());
socket.on('error', () => process.exit(1));

try {
  serveEngine(socket, await engineOf(JSON.parse(process.argv[2] ?? '') as WorkerTask));
} catch (error) {
  sendFailure(socket, 0, error);
  socket.end();
}

async function engineOf(task: WorkerTask): Promise<Engine> {
  const engine = await readEngine(task);
  // ONNX Runtime has its own copy of the weights now; the ones they were made of are freed at once.
  (globalThis as { gc?: () => void }).gc?.();
  return engine;
}

async function readEngine({ folder, kind, threads }: WorkerTask): Promise<Engine> {
  const { encoder, manifest } = await readBundle(folder);
  const digest = manifest.files[bundleFiles.encoder]!.sha256;
  if (kind === 'none') return new NoEngine(digest, encoder.architecture.hidden);
  return OnnxRuntimeEngine.create({ encoder, digest, threads });
}
