// A worker process whose engine counts tokens, and misbehaves when the head's name asks for it.
import { Socket, connect } from 'node:net';
import { serveEngine } from '../../dist/engine/worker/serve.js';

const socket = new Socket({ fd: 3 });
socket.on('close', () => process.exit());
const heads = new Set();

const misbehave = {
  die: () => process.exit(3),
  hang: () => {
    for (;;);
  },
  garbage: () => {
    socket.write(Buffer.alloc(64, 0xff));
    return new Promise(() => undefined);
  },
  uneven: () => ({ logits: new Float32Array(3), embeddings: new Float32Array(3) }),
  fail: () => {
    throw new Error('no such thing');
  },
};

function reach(port) {
  return new Promise((resolve) => {
    const attempt = connect({ host: '127.0.0.1', port });
    attempt.once('connect', () => resolve(1));
    attempt.once('error', () => resolve(0));
  });
}

serveEngine(socket, {
  info: { kind: 'odd', version: String(process.pid), precision: 'fp32', form: 'js', encoder: '', hidden: 1 },
  async loadHead(name) {
    heads.add(name);
  },
  async dropHead(name) {
    heads.delete(name);
  },
  async embed(batch) {
    return Float32Array.from(batch.lengths);
  },
  async infer(batch, head) {
    if (head in misbehave) return misbehave[head]();
    if (head.startsWith('reach:')) {
      const reached = await reach(Number(head.slice(6)));
      return { logits: new Float32Array(batch.size).fill(reached), embeddings: new Float32Array(batch.size) };
    }
    if (!heads.has(head)) throw new Error(`no head ${head}`);
    const sums = new Float32Array(batch.size);
    for (let row = 0; row < batch.size; row++) {
      for (let at = 0; at < batch.lengths[row]; at++) sums[row] += batch.ids[row * batch.sequence + at];
    }
    return { logits: sums, embeddings: Float32Array.from(batch.lengths) };
  },
  async close() {},
});
