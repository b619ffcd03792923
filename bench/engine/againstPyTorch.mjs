// A plan and PyTorch's eager FP32 on the same GPU, each in a process of its own: from the tokens on the host to the
// embedding on the host, and the GPU's memory with CUDA's context. Nothing else may run on the GPU.
//
//   intentd engine bench BUNDLE --attention plugin --keep PLANS
//   node bench/engine/againstPyTorch.mjs PLANS/int8-dense-plugin.plan [--shapes 16x64,16x128] [--python python3]
//
// Needs dist/, build/Release/, TensorRT, and Python with PyTorch, transformers and nvidia-ml-py. Prints JSON.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../dist/engine/tensorrt/addon.js';
import { nativePaths } from '../../dist/engine/tensorrt/paths.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shapes: { type: 'string', default: '16x64,16x128' },
    python: { type: 'string', default: 'python3' },
    seconds: { type: 'string', default: '3' },
    engine: { type: 'boolean', default: false },
  },
});
const [plan] = positionals;
if (plan === undefined) throw new Error('node bench/engine/againstPyTorch.mjs PLAN');
const shapes = options.shapes.split(',').map((one) => one.split('x').map(Number));

function usedBytes() {
  const gpu = (process.env.CUDA_VISIBLE_DEVICES ?? '0').split(',')[0];
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', '-i', gpu];
  return Number(execFileSync('nvidia-smi', query, { encoding: 'utf8' })) * 2 ** 20;
}

/** The engine alone, in this process. */
async function measureEngine() {
  const before = usedBytes();
  const paths = nativePaths();
  const addon = loadAddon(paths.addon);
  addon.loadPlugins(paths.plugins);
  const buckets = shapes.map(([batch, sequence]) => ({ batch, sequence }));
  const engine = await addon.loadEngine(new Uint8Array(readFileSync(plan)), { buckets, graphs: true });
  const { hidden } = addon.engineInfo(engine);
  const rows = [];
  for (const [batch, sequence] of shapes) {
    const ids = Int32Array.from({ length: batch * sequence }, (_, at) => 1000 + ((at * 7919) % 19000));
    const lengths = new Int32Array(batch).fill(sequence);
    const out = new Float32Array(batch * hidden);
    const once = () => addon.infer(engine, ids, lengths, batch, sequence, out);
    for (let at = 0; at < 20; at++) await once();
    const times = [];
    const end = performance.now() + Number(options.seconds) * 1000;
    while (performance.now() < end) {
      const start = performance.now();
      await once();
      times.push(performance.now() - start);
    }
    const sum = times.reduce((all, one) => all + one);
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.floor(share * times.length)];
    const figures = { runs: times.length, ms: at(0.5), ms10: at(0.1), ms90: at(0.9) };
    rows.push({ shape: `${batch}x${sequence}`, ...figures, perSecond: (batch * times.length * 1000) / sum });
  }
  console.log(
    JSON.stringify({ runtime: addon.runtimeInfo(), shapes: rows, deviceBytes: usedBytes() - before }),
  );
  await addon.unloadEngine(engine);
}

function inProcess(command, args) {
  const run = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`${command} ${args[0]} ended with ${run.status ?? run.signal}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1));
}

if (options.engine) {
  await measureEngine();
} else {
  const common = ['--shapes', options.shapes, '--seconds', options.seconds];
  const engine = inProcess(process.execPath, [import.meta.filename, plan, '--engine', ...common]);
  const script = new URL('pytorchEager.py', import.meta.url).pathname;
  const pytorch = inProcess(options.python, [script, ...common]);
  const shapesTogether = engine.shapes.map((one, at) => ({
    shape: one.shape,
    latencyShare: one.ms / pytorch.shapes[at].ms,
    throughputRatio: one.perSecond / pytorch.shapes[at].perSecond,
  }));
  const memoryLess = 1 - engine.deviceBytes / pytorch.deviceBytes;
  console.log(
    JSON.stringify(
      { date: new Date().toISOString(), engine, pytorch, shapes: shapesTogether, memoryLess },
      null,
      2,
    ),
  );
}
