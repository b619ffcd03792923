// A worker process of the kind that its first argument names, which counts tokens. While the file that the
// second names is there, it fails as the file says: `load` at its start, `infer` at the first inference. It takes as
// many milliseconds to start as the third says.
import { existsSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { sendFailure, serveEngine } from '../../dist/engine/worker/serve.js';

const [, , kind, faultFile, startMs = '0'] = process.argv;
const fault = () => (faultFile && existsSync(faultFile) ? readFileSync(faultFile, 'utf8') : '');
const heads = new Set();
const socket = new Socket({ fd: 3 });
socket.on('close', () => process.exit());

await new Promise((resolve) => setTimeout(resolve, Number(startMs)));
if (fault() === 'load') {
  sendFailure(socket, 0, Object.assign(new Error('out of memory'), { code: 'OUT_OF_MEMORY' }));
  socket.end();
} else {
  serveEngine(socket, {
    info: { kind, version: '1', precision: 'fp32', form: 'js', encoder: '', hidden: 1 },
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
      // As after an illegal address on a GPU: the process is of no use any more.
      if (fault() === 'infer') process.exit(70);
      if (!heads.has(head)) throw new Error(`no head ${head}`);
      return { logits: Float32Array.from(batch.lengths), embeddings: Float32Array.from(batch.lengths) };
    },
    async close() {},
  });
}
