/* eslint-disable @typescript-eslint/no-require-imports -- it is loaded by require, as the addon is */
// The boundary of the TensorRT addon without TensorRT: a plan is its options and the graph itself, which
// ONNX Runtime computes. `settings` say what it finds, and how it misbehaves.
const { createRequire } = require('node:module');
const { openSync, writeSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { InferenceSession, Tensor } = createRequire(__filename)('onnxruntime-node');

function fail(code, message) {
  throw Object.assign(new Error(message), { code });
}

/** A power rail as the kernel shows it, which draws more while an engine computes; see `FakeRail`. */
function railOf({ file, idleMa, drawMa, inferMs }) {
  const descriptor = openSync(file, 'r+');
  // In place and of one length: who reads it at the same time reads a number.
  const set = (current) => writeSync(descriptor, `${String(current).padStart(6, '0')}\n`, 0);
  let quiet;
  return async (kind) => {
    clearTimeout(quiet);
    set(drawMa[kind]);
    await sleep(inferMs[kind]);
    quiet = setTimeout(() => set(idleMa), 20);
  };
}

/** `settings`: runtime, buildMs, loadMs, usFor ({sparse, batch, sequence} → µs as a number a token), meter, loadFails */
module.exports = (settings = {}) => {
  const engines = new Map();
  let next = 1;
  let energyMj = 0;
  const runtime = {
    tensorrt: '10.6.0',
    cudaRuntime: '12.6',
    driver: '540.4.0',
    cudaDriver: '12.6',
    gpu: 'Fake Orin',
    sm: 87,
    uuid: 'GPU-0',
    memoryTotalBytes: 8e9,
    memoryFreeBytes: 6e9,
    unifiedMemory: true,
    ...settings.runtime,
  };
  const draw = settings.rail === undefined ? async () => undefined : railOf(settings.rail);
  const usOf = ({ sparse }, batch, sequence) =>
    10.375 + batch * sequence * (sparse ? (settings.sparseUs ?? 1) : (settings.denseUs ?? 1.2));

  function engineOf(handle) {
    return engines.get(handle) ?? fail('UNLOADED', `no engine ${handle}`);
  }

  return {
    runtimeInfo: () => (settings.noGpu ? fail('NO_GPU', 'there is no GPU') : runtime),
    setLogSink(sink) {
      sink?.('warn', 'a word of the fake');
    },
    loadPlugins(path) {
      if (!require('node:fs').existsSync(path)) fail('PLUGIN', `no library ${path}`);
    },
    buildEngine(onnx, options, onProgress) {
      let cancelled = false;
      const steps = 4;
      const work = async () => {
        for (let step = 0; step < steps; step++) {
          onProgress({ phase: 'Building', step, steps, depth: 0 });
          await sleep((settings.buildMs ?? 40) / steps);
          if (cancelled) fail('CANCELLED', 'cancelled');
        }
        onProgress({ phase: 'Building', step: steps, steps, depth: 0 });
        const head = Buffer.from(JSON.stringify({ sparse: options.sparse, profiles: options.profiles }));
        const length = Buffer.alloc(4);
        length.writeUInt32LE(head.length);
        // A dense plan is larger, as it is in life.
        const filler = Buffer.alloc(options.sparse ? 0 : (settings.denseBytes ?? 4096));
        return {
          plan: Buffer.concat([length, head, onnx, filler]),
          timingCache: Buffer.concat([options.timingCache ?? Buffer.alloc(0), Buffer.from('t')]),
          buildMs: settings.buildMs ?? 40,
        };
      };
      return { done: work(), cancel: () => (cancelled = true) };
    },
    async loadEngine(plan, { buckets }) {
      if (settings.loadFails) fail(settings.loadFails, `the fake does not load: ${settings.loadFails}`);
      // Not in the builder, whose measurements would take as long each time.
      if (process.argv[1].includes('worker')) await sleep(settings.loadMs ?? 0);
      const bytes = Buffer.from(plan);
      const headLength = bytes.readUInt32LE(0);
      const head = JSON.parse(bytes.toString('utf8', 4, 4 + headLength));
      const tail = head.sparse ? bytes.length : bytes.length - (settings.denseBytes ?? 4096);
      const session = await InferenceSession.create(bytes.subarray(4 + headLength, tail), {
        logSeverityLevel: 3,
      });
      const precision = bytes.includes('QuantizeLinear') ? 'int8' : 'fp16';
      const kind = `${precision}-${head.sparse ? 'sparse' : 'dense'}`;
      engines.set(next, { ...head, kind, session, buckets, planBytes: bytes.length });
      return next++;
    },
    engineInfo(handle) {
      const { sparse, profiles, planBytes, session } = engineOf(handle);
      const tactic = sparse ? 'sm87_xmma_gemm_sparse_i8i8' : 'sm87_xmma_gemm_i8i8';
      const layers = profiles.map((_, at) => ({
        Name: `layer.0.intermediate.product + layer.0.intermediate${at > 0 ? ` [profile ${at}]` : ''}`,
        LayerType: 'gemm',
        TacticName: tactic,
        Metadata: '[ONNX Layer: layer.0.intermediate.product]',
        Outputs: [{ Name: 'y', 'Format/Datatype': 'Row major Int8 format' }],
      }));
      const hidden = session.outputMetadata?.[0]?.shape?.at(-1);
      return {
        layers: JSON.stringify({ Layers: layers }),
        planBytes,
        deviceBytes: 2 * planBytes,
        activationBytes: 1024,
        hidden: typeof hidden === 'number' ? hidden : settings.hidden,
        profiles,
      };
    },
    async warmup(handle, batch, sequence, repeats) {
      const us = usOf(engineOf(handle), batch, sequence);
      energyMj += (repeats * us) / 100;
      return new Float64Array(repeats).fill(us);
    },
    async infer(handle, ids, lengths, size, sequence, out) {
      const engine = engineOf(handle);
      if (settings.inferFails) fail(settings.inferFails, 'an illegal address was met');
      if (!engine.buckets.some((one) => one.batch >= size && one.sequence >= sequence)) {
        fail('BAD_ARGUMENT', `no bucket takes ${size}x${sequence}`);
      }
      await draw(engine.kind);
      const { embedding } = await engine.session.run({
        tokens: new Tensor('int32', ids.slice(), [size, sequence]),
        lengths: new Tensor('int32', lengths.slice(), [size]),
      });
      out.set(embedding.data);
      return usOf(engine, size, sequence);
    },
    async unloadEngine(handle) {
      await engineOf(handle).session.release();
      engines.delete(handle);
    },
    readGpuEnergy: () => (settings.meter ? energyMj : fail('NO_METER', 'no counter')),
  };
};
