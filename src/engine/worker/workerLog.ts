import type { Socket } from 'node:net';
import type { Logger } from '../../base/index.js';
import type { LogSink } from '../tensorrt/addon.js';
import { frameKinds } from './frames.js';
import { sendJson } from './sending.js';

interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/** What TensorRT says, to the log of the daemon at the other end. */
export function logSinkTo(socket: Socket): LogSink {
  return (level, message) => {
    if (!socket.writable) return;
    // TensorRT's `info` is about every step of a build: for whoever looks for a fault.
    const own = level === 'fatal' ? 'error' : level === 'info' ? 'debug' : level;
    void sendJson(socket, frameKinds.log, { level: own, message } satisfies LogLine);
  };
}

/** Writes a line that came from a child process. */
export function logFrame(body: Buffer, pid: number, log: Logger): void {
  const { level, message } = JSON.parse(body.toString('utf8')) as LogLine;
  log[level]({ pid, from: 'TensorRT' }, message);
}
