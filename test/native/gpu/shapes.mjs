// Whether the shapes of an engine that share a context leave each other alone: what each gives, in any order, is to the
// bit what an engine gives that was loaded for this shape only and replays no graph.
//
//   node test/native/gpu/shapes.mjs PLAN [--positions 512] [--hidden 384] [--rounds 20]
//
// Needs dist/, the addon, TensorRT and a GPU.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../../dist/engine/tensorrt/addon.js';
import { nativePaths } from '../../../dist/engine/tensorrt/paths.js';
import { bucketName, bucketsFor } from '../../../dist/engine/tensorrt/shapes.js';
import { expect, mib, section, summary } from './harness.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    positions: { type: 'string', default: '512' },
    hidden: { type: 'string', default: '384' },
    rounds: { type: 'string', default: '20' },
  },
});
if (positionals[0] === undefined) throw new Error('node test/native/gpu/shapes.mjs PLAN');
const paths = nativePaths();
const addon = loadAddon(paths.addon);
addon.loadPlugins(paths.plugins);
const plan = new Uint8Array(readFileSync(positionals[0]));
const buckets = bucketsFor(Number(options.positions));

let state = 1;
/** 0 to below `end`, the same in every run. */
const random = (end) => (state = (state * 16807) % 2147483647) % end;

/** Full rows and short ones. */
const batches = buckets.map(({ batch, sequence }) => ({
  batch,
  sequence,
  ids: Int32Array.from({ length: batch * sequence }, () => 1000 + random(19000)),
  lengths: Int32Array.from({ length: batch }, (_, row) => (row % 2 === 0 ? sequence : 1 + random(sequence))),
}));

const hidden = Number(options.hidden);

async function embeddings(engine, { ids, lengths, batch, sequence }) {
  const out = new Float32Array(batch * hidden);
  await addon.infer(engine, ids, lengths, batch, sequence, out);
  return out;
}

await section('shapes of one engine', async () => {
  const alone = [];
  for (const [at, bucket] of buckets.entries()) {
    const engine = await addon.loadEngine(plan, { buckets: [bucket], graphs: false });
    alone.push(await embeddings(engine, batches[at]));
    await addon.unloadEngine(engine);
  }
  for (const graphs of [true, false]) {
    const start = performance.now();
    const engine = await addon.loadEngine(plan, { buckets, graphs });
    const words = graphs ? 'with graphs' : 'without';
    expect(
      `${buckets.length} shapes load, ${words}`,
      true,
      `${Math.round(performance.now() - start)} ms, ${mib(addon.engineInfo(engine).deviceBytes)} of the device`,
    );
    const wrong = new Set();
    for (let i = 0; i < Number(options.rounds) * buckets.length; i++) {
      const at = random(buckets.length);
      const given = await embeddings(engine, batches[at]);
      if (!given.every((value, index) => value === alone[at][index])) wrong.add(bucketName(buckets[at]));
    }
    expect(`each gives what it gives alone, ${words}`, wrong.size === 0, [...wrong].join(', '));
    await addon.unloadEngine(engine);
  }
});
process.exitCode = summary();
