import type { Socket } from 'node:net';
import { IntentdError, messageOf } from '../../base/index.js';
import type { Engine } from '../engine.js';
import {
  decodeBatch,
  decodeHead,
  decodeNamed,
  encodeFailure,
  encodeFloats,
  encodeInference,
} from './bodies.js';
import { FrameReader, frameKinds, type Frame } from './frames.js';
import { sendFrame, sendJson } from './sending.js';

/** How a process ends whose device failed: EX_SOFTWARE. */
const fatalExit = 70;

/**
 * Answers calls on `socket` with `engine`, one after the other, until the socket ends.
 *
 * @param isFatal after which errors the process is of no use any more: it ends without an answer, and what it
 *   was asked is asked of the next one
 */
export function serveEngine(
  socket: Socket,
  engine: Engine,
  isFatal: (error: unknown) => boolean = () => false,
): void {
  const reader = new FrameReader();
  let last: Promise<void> = Promise.resolve();
  void sendJson(socket, frameKinds.ready, engine.info);
  socket.on('data', (chunk) => {
    for (const frame of reader.push(chunk)) last = last.then(() => answer(socket, engine, frame, isFatal));
  });
}

/** Tells the other side why there is no engine. */
export function sendFailure(socket: Socket, call: number, error: unknown): void {
  const code = error instanceof IntentdError ? error.code : 'engine_failed';
  void sendFrame(socket, frameKinds.failure, call, encodeFailure(code, messageOf(error)));
}

/** An engine may give the same memory again with its next answer: this one's has to be taken over first. */
async function answer(
  socket: Socket,
  engine: Engine,
  frame: Frame,
  isFatal: (error: unknown) => boolean,
): Promise<void> {
  try {
    await sendFrame(socket, frameKinds.result, frame.call, await resultOf(engine, frame));
  } catch (error) {
    if (!isFatal(error)) {
      sendFailure(socket, frame.call, error);
      return;
    }
    await sendJson(socket, frameKinds.log, { level: 'error', message: messageOf(error) });
    process.exit(fatalExit);
  }
}

async function resultOf(engine: Engine, { kind, body }: Frame): Promise<Uint8Array[]> {
  switch (kind) {
    case frameKinds.infer: {
      const { name, rest } = decodeNamed(body);
      const batch = decodeBatch(rest);
      const began = performance.now();
      return encodeInference(await engine.infer(batch, name), (performance.now() - began) * 1000);
    }
    case frameKinds.embed:
      return encodeFloats(await engine.embed(decodeBatch(body)));
    case frameKinds.loadHead: {
      const { name, rest } = decodeNamed(body);
      await engine.loadHead(name, decodeHead(rest));
      return [];
    }
    case frameKinds.dropHead:
      await engine.dropHead(decodeNamed(body).name);
      return [];
    case frameKinds.ping:
      return encodeFloats(Float32Array.of(process.memoryUsage.rss() / 1024));
    default:
      throw new IntentdError('bad_frame', `A worker takes no frame of kind ${kind}.`);
  }
}
