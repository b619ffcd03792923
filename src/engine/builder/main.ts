import { Socket } from 'node:net';
import { setPriority } from 'node:os';
import { frameKinds } from '../worker/frames.js';
import { sendFrame, sendJson } from '../worker/sending.js';
import { sendFailure } from '../worker/serve.js';
import { logSinkTo } from '../worker/workerLog.js';
import { build } from './build.js';
import type { BuildTask } from './task.js';

const pieceBytes = 1 << 20;

/** Behind the engine that answers meanwhile. */
const niceness = 10;
setPriority(niceness);

// Whoever stops the daemon with a signal to its whole group: the builder ends with its socket.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const socket = new Socket({ fd: 3 });
socket.on('close', () => process.exit());
socket.on('error', () => process.exit(1));
// The daemon says nothing; reading notices that it ends.
socket.resume();

try {
  const task = JSON.parse(process.argv[2] ?? '') as BuildTask;
  const tell = (status: object): void => void sendJson(socket, frameKinds.progress, status);
  const { report, plan } = await build(task, tell, logSinkTo(socket));
  await sendJson(socket, frameKinds.report, report);
  for (let at = 0; at < plan.length; at += pieceBytes) {
    await sendFrame(socket, frameKinds.plan, 0, [plan.subarray(at, at + pieceBytes)]);
  }
  await sendFrame(socket, frameKinds.planEnd, 0, []);
} catch (error) {
  sendFailure(socket, 0, error);
}
socket.end();
