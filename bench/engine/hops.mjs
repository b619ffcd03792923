// Where the time goes between an MQTT client and the GPU: each hop alone, one after the other, 3,000 times, in µs.
//
//   node bench/engine/hops.mjs STATE_FOLDER [BUNDLE_FOLDER]      needs dist/, the addon, a GPU, and an engine in the folder
//
// How long a worker takes to start, stage by stage, is printed first. Prints a line a hop: p50, p90, p99, p99.9.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { LoadedHead } from '../../dist/engine/onnxruntime/loadedHead.js';
import { loadAddon } from '../../dist/engine/tensorrt/addon.js';
import { nativePaths } from '../../dist/engine/tensorrt/paths.js';
import { bucketsFor } from '../../dist/engine/tensorrt/shapes.js';
import { encoderToOnnx, readBundle } from '../../dist/model/index.js';
import { printPercentiles } from './percentiles.mjs';

const [stateFolder, bundleFolder = 'models/clinc150-minilm-l6'] = process.argv.slice(2);
if (stateFolder === undefined) throw new Error('node bench/engine/hops.mjs STATE_FOLDER');
const rounds = 3000;

/** Milliseconds since the call before. */
let at = performance.now();
function stage(name) {
  const now = performance.now();
  console.log(`start: ${name.padEnd(44)} ${(now - at).toFixed(1).padStart(8)} ms`);
  at = performance.now();
}

async function hop(name, work) {
  for (let i = 0; i < 200; i++) await work(i);
  const us = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await work(200 + i);
    us.push((performance.now() - start) * 1000);
  }
  printPercentiles(name, us);
}

const nodeStart = performance.now();
spawnSync(process.execPath, ['-e', '0']);
console.log(
  `start: ${'Node.js itself'.padEnd(44)} ${(performance.now() - nodeStart).toFixed(1).padStart(8)} ms`,
);
at = performance.now();
const paths = nativePaths();
const addon = loadAddon(paths.addon);
addon.setLogSink((level, message) => {
  if (message.startsWith('Loading') || level !== 'info') console.log(`start:   ${message}`);
});
stage('the addon');
const runtime = addon.runtimeInfo();
stage('TensorRT, CUDA and the driver (runtimeInfo)');
const bundle = await readBundle(bundleFolder);
stage('the bundle');
encoderToOnnx(bundle.encoder, { precision: 'int8', attention: 'plugin' });
stage('the graph');
addon.loadPlugins(paths.plugins);
stage('the plugins');
const engines = join(stateFolder, 'engines');
const key = readdirSync(engines).find((name) => name.length === 64);
const plan = new Uint8Array(readFileSync(join(engines, key, 'plan')));
stage('the plan from disk');
const buckets = bucketsFor(bundle.encoder.architecture.positions);
const engine = await addon.loadEngine(plan, { buckets, graphs: true });
await new Promise((resolve) => setTimeout(resolve, 50));
stage(`the engine with ${buckets.length} shapes`);
console.log(JSON.stringify({ ...runtime, memoryFreeBytes: undefined }));

const { hidden } = addon.engineInfo(engine);
const ids = Int32Array.from({ length: 12 }, (_, i) => 1000 + i);
const out = new Float32Array(hidden);
const lengths = Int32Array.of(12);
const gpu = [];
await hop('a turn of the event loop', () => new Promise((resolve) => setImmediate(resolve)));
await hop('the addon and the GPU (infer)', async () => {
  gpu.push(await addon.infer(engine, ids, lengths, 1, 12, out));
});
gpu.sort((a, b) => a - b);
console.log(`${'  of which the GPU'.padEnd(52)} p50 ${gpu[gpu.length >> 1].toFixed(0).padStart(7)}`);
await hop('the same, 32 on the GPU behind one another', () =>
  Promise.all(
    Array.from({ length: 32 }, () => addon.infer(engine, ids, lengths, 1, 12, new Float32Array(hidden))),
  ),
);
const head = await LoadedHead.open('x', bundle.head, hidden);
await hop('the head in ONNX Runtime', () => head.during((logitsOf) => logitsOf(out)));
await addon.unloadEngine(engine);

// A byte there and back through a socket: two wake-ups of a process.
const echo = spawnEcho();
await hop('a byte through a socket to a process and back', echo.ask);
echo.end();
await mqttEcho();

function spawnEcho() {
  const code = `const { Socket } = require('node:net');
    const socket = new Socket({ fd: 3 });
    socket.on('data', (data) => socket.write(data));
    socket.on('close', () => process.exit());`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const socket = child.stdio[3];
  let told = () => undefined;
  socket.on('data', () => told());
  const ask = () =>
    new Promise((resolve) => {
      told = resolve;
      socket.write('x');
    });
  return { ask, end: () => socket.end() };
}

/** A publish, a subscriber in a process of its own that publishes it again, and its message back, QoS 0. */
async function mqttEcho() {
  const code = `const { Aedes } = require('aedes');
    const { createServer } = require('node:net');
    Aedes.createBroker().then((broker) => {
      const server = createServer(broker.handle);
      server.listen(0, '127.0.0.1', () => console.log(server.address().port));
      broker.subscribe('ask', ({ payload }, done) => {
        broker.publish({ topic: 'answer', payload, qos: 0, retain: false }, () => undefined);
        done();
      }, () => undefined);
    });`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve) => child.stdout.once('data', (data) => resolve(Number(data))));
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
  let told = () => undefined;
  client.on('message', () => told());
  await client.subscribeAsync('answer');
  await hop(
    'MQTT: to a broker in a process and back, QoS 0',
    (i) =>
      new Promise((resolve) => {
        told = resolve;
        client.publish('ask', `${i}`);
      }),
  );
  await client.endAsync(true);
  child.kill();
}
