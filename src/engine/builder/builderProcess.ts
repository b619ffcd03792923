import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { IntentdError, type Logger } from '../../base/index.js';
import { decodeFailure } from '../worker/bodies.js';
import { workerEnvironment } from '../worker/environment.js';
import { FrameReader, frameKinds, type Frame } from '../worker/frames.js';
import { isolatingPrefix } from '../worker/isolation.js';
import { logFrame } from '../worker/workerLog.js';
import type { EngineReport } from './report.js';
import type { BuildStatus } from './stages.js';
import type { BuildTask } from './task.js';

export interface BuilderOptions {
  /** What to run: the command and its arguments before the task. */
  readonly command: readonly string[];
  readonly task: BuildTask;
  readonly tell: (status: BuildStatus) => void;
  readonly log: Logger;
  /** Ends the builder at once. */
  readonly signal: AbortSignal;
}

/** What was built: the plan's bytes come as they are asked for. */
export interface Built {
  readonly report: EngineReport;
  readonly plan: AsyncIterable<Uint8Array>;
}

/**
 * Builds an engine in a child process without a network.
 *
 * @param keep takes what was built; the process ends when it is done
 * @throws IntentdError why nothing was built, `builder_gone` where the process ended, or the signal's reason
 */
export async function buildInChild<T>(
  { command, task, tell, log, signal }: BuilderOptions,
  keep: (built: Built) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const child = startBuilder(command, task);
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  const frames = framesOf(child, signal);
  try {
    for await (const { kind, body } of frames) {
      if (kind === frameKinds.progress) tell(JSON.parse(body.toString('utf8')) as BuildStatus);
      else if (kind === frameKinds.log) logFrame(body, child.pid ?? 0, log);
      else if (kind === frameKinds.failure) throw decodeFailure(body);
      else if (kind === frameKinds.report) {
        const report = JSON.parse(body.toString('utf8')) as EngineReport;
        return await keep({ report, plan: planOf(frames) });
      } else throw new IntentdError('bad_frame', `A builder sends no frame of kind ${kind}.`);
    }
    throw new IntentdError('builder_gone', 'The builder ended without an engine.');
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

function startBuilder(own: readonly string[], task: BuildTask): ChildProcess {
  const [command, ...args] = [...isolatingPrefix(), ...own, JSON.stringify(task)];
  return spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'pipe'], env: workerEnvironment() });
}

/** Frames as they are asked for: one that is not is not read, and the builder waits. */
async function* framesOf(child: ChildProcess, signal: AbortSignal): AsyncGenerator<Frame, void> {
  const reader = new FrameReader();
  const socket = child.stdio[3] as Socket;
  const exited = exitOf(child);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) yield* reader.push(chunk);
  } catch (error) {
    // A socket that breaks is how a killed builder shows; how it ended says more.
    if (error instanceof IntentdError) throw error;
  }
  signal.throwIfAborted();
  throw new IntentdError('builder_gone', `The builder is gone: ${await exited}.`);
}

async function* planOf(frames: AsyncGenerator<Frame, void>): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const next = await frames.next();
    if (next.done === true) throw new IntentdError('builder_gone', 'The builder ended within its plan.');
    const { kind, body } = next.value;
    if (kind === frameKinds.planEnd) return;
    if (kind === frameKinds.plan) yield body;
    else if (kind === frameKinds.failure) throw decodeFailure(body);
  }
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `it exited with ${code ?? 0}` : `it was ended by ${signal}`);
    });
  });
}
