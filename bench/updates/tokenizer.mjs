// How long reading a tokenizer that is new to the agent keeps its event loop at a stretch, and requests with it:
// the longest piece of each reading, in milliseconds. The first is that of a process that has read none before.
//
//   npm run build && node bench/updates/tokenizer.mjs [--bundle FOLDER] [--readings 7]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { keepHeapSmall } from '../../dist/cli/runMemory.js';
import { Tokenizers } from '../../dist/daemon/tokenizers.js';

const { values } = parseArgs({
  options: {
    bundle: { type: 'string', default: 'models/clinc150-minilm-l6' },
    readings: { type: 'string', default: '7' },
  },
});

/** The longest time between two turns of the event loop while the work is done. */
async function longestMs(work) {
  let [last, longest, isDone] = [performance.now(), 0, false];
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isDone) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isDone = true;
  return Math.max(longest, performance.now() - last);
}

keepHeapSmall();
const { architecture } = JSON.parse(readFileSync(join(values.bundle, 'manifest.json'), 'utf8'));
const { vocabulary, positions } = architecture;
const file = { bytes: readFileSync(join(values.bundle, 'tokenizer.json')), name: 'tokenizer.json' };
const longest = [];
for (let at = 0; at < Number(values.readings); at++) {
  const read = () => new Tokenizers().of({ ...file, sha256: String(at), vocabulary, positions });
  longest.push(await longestMs(read));
}
const date = new Date().toISOString().slice(0, 10);
console.log(`${cpus().length} × ${cpus()[0].model.trim()}, Node.js ${process.version}, ${date}`);
console.log(`longest pieces, ms: ${longest.map((ms) => ms.toFixed(0)).join(' ')}`);
