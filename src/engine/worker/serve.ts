import type { Socket } from 'node:net';
import { IntentdError, messageOf } from '../../base/index.js';
import type { Engine } from '../engine.js';
import { decodeBatch, decodeHead, decodeNamed, encodeFailure, encodeFloats } from './bodies.js';
import { FrameReader, encodeFrame, frameKinds, type Frame } from './frames.js';

/** Answers calls on `socket` with `engine`, one after the other, until the socket ends. */
export function serveEngine(socket: Socket, engine: Engine): void {
  const reader = new FrameReader();
  let last: Promise<void> = Promise.resolve();
  send(socket, frameKinds.ready, 0, [Buffer.from(JSON.stringify(engine.info))]);
  socket.on('data', (chunk) => {
    for (const frame of reader.push(chunk)) last = last.then(() => answer(socket, engine, frame));
  });
}

/** Tells the other side why there is no engine. */
export function sendFailure(socket: Socket, call: number, error: unknown): void {
  const code = error instanceof IntentdError ? error.code : 'engine_failed';
  send(socket, frameKinds.failure, call, encodeFailure(code, messageOf(error)));
}

async function answer(socket: Socket, engine: Engine, frame: Frame): Promise<void> {
  try {
    send(socket, frameKinds.result, frame.call, await resultOf(engine, frame));
  } catch (error) {
    sendFailure(socket, frame.call, error);
  }
}

async function resultOf(engine: Engine, { kind, body }: Frame): Promise<Uint8Array[]> {
  switch (kind) {
    case frameKinds.infer: {
      const { name, rest } = decodeNamed(body);
      const { logits, embeddings } = await engine.infer(decodeBatch(rest), name);
      return encodeFloats(logits, embeddings);
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

function send(socket: Socket, kind: number, call: number, parts: readonly Uint8Array[]): void {
  socket.cork();
  for (const part of encodeFrame(kind, call, parts)) socket.write(part);
  socket.uncork();
}
