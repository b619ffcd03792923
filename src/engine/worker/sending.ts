import type { Socket } from 'node:net';
import { encodeFrame } from './frames.js';

/** Writes a frame. @returns settles when its bytes were taken over, so that their memory may be used again */
export function sendFrame(
  socket: Socket,
  kind: number,
  call: number,
  parts: readonly Uint8Array[],
): Promise<void> {
  return new Promise((resolve) => {
    const frame = encodeFrame(
      kind,
      call,
      parts.filter((part) => part.byteLength > 0),
    );
    const last = frame.pop()!;
    socket.cork();
    for (const part of frame) socket.write(part);
    // Also when it failed: then the socket closes, and whoever holds it hears of that.
    socket.write(last, () => {
      resolve();
    });
    socket.uncork();
  });
}

export function sendJson(socket: Socket, kind: number, data: unknown): Promise<void> {
  return sendFrame(socket, kind, 0, [Buffer.from(JSON.stringify(data))]);
}
