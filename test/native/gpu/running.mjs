// Loaded engines: results, times, memory, and what they refuse.

import { batchOf, cosine, embed, expect, expectCode, mib, ms, note, quantile } from './harness.mjs';
import { defaultBuckets } from './models.mjs';

const least = (values) => Math.min(...values);

export async function checkLoading(addon, plan, graphs = true) {
  const start = performance.now();
  const engine = await addon.loadEngine(plan, { buckets: defaultBuckets, graphs });
  note(`loaded ${defaultBuckets.length} buckets ${graphs ? 'with' : 'without'} graphs`, `${ms(start)} ms`);
  const info = addon.engineInfo(engine);
  expect(
    'the engine tells its size',
    info.planBytes === plan.length && info.hidden === 384 && info.deviceBytes > 0,
    `plan ${mib(info.planBytes)}, device ${mib(info.deviceBytes)}, of it activations ${mib(info.activationBytes)}`,
  );
  const { Layers: layers } = JSON.parse(info.layers);
  const sparse = layers.filter(
    (layer) => /sp|SP/.test(layer.TacticName ?? '') && /sparse|spmma|sp_|_sp/i.test(layer.TacticName),
  );
  expect(
    'the inspector names layers and tactics',
    layers.some((layer) => typeof layer.TacticName === 'string'),
    `${layers.length} layers, ${sparse.length} with a sparse tactic's name`,
  );
  note('profiles', JSON.stringify(info.profiles));
  return engine;
}

/** Each utterance alone, against the CPU engine, and then the same in batches. */
export async function checkResults(addon, engine, reference) {
  const alone = [];
  for (const row of reference.rows) alone.push((await embed(addon, engine, [row], 384)).embeddings[0]);
  for (const precision of ['int8', 'fp32']) {
    const alike = alone.map((embedding, at) => cosine(embedding, reference[precision][at]));
    expect(
      `embeddings are the CPU engine's, ${precision}`,
      least(alike) > 0.97,
      `cosine at least ${least(alike).toFixed(5)}, mean ${(alike.reduce((a, b) => a + b) / alike.length).toFixed(5)}`,
    );
  }
  expect(
    'embeddings have unit length',
    alone.every((embedding) => Math.abs(Math.hypot(...embedding) - 1) < 1e-3),
  );
  for (const size of [2, 3, 4, 7, 16]) {
    const { embeddings } = await embed(addon, engine, reference.rows.slice(0, size), 384);
    const alike = embeddings.map((embedding, at) => cosine(embedding, alone[at]));
    expect(
      `a batch of ${size}, padded, is what its utterances are alone`,
      least(alike) > 0.99,
      `cosine at least ${least(alike).toFixed(5)}`,
    );
  }
}

export async function checkGraphsAgree(addon, withGraphs, without, reference) {
  const rows = reference.rows.slice(0, 5);
  const [a] = (await embed(addon, withGraphs, rows, 384)).embeddings;
  const [b] = (await embed(addon, without, rows, 384)).embeddings;
  expect(
    'a graph computes to the bit what enqueueing does',
    a.every((value, at) => value === b[at]),
  );
}

/** Many at once on two engines: each answer belongs to its question. */
export async function checkOrder(addon, engines, reference) {
  const alone = await Promise.all(reference.rows.map((row) => embed(addon, engines[0], [row], 384)));
  const mixed = await Promise.all(
    Array.from({ length: 1000 }, (_, i) =>
      embed(addon, engines[i % engines.length], [reference.rows[i % 64]], 384),
    ),
  );
  const off = mixed.filter(
    ({ embeddings }, i) => cosine(embeddings[0], alone[i % 64].embeddings[0]) < 0.9999,
  );
  expect('1000 inferences at once on two engines do not mix', off.length === 0, `${off.length} differ`);
}

export async function checkTimes(addon, engine, reference, name) {
  for (const { batch, sequence } of defaultBuckets) {
    const us = (await addon.warmup(engine, batch, sequence, 500)).slice(100);
    note(
      `${name} ${batch}x${sequence} GPU`,
      `p50 ${quantile(us, 0.5).toFixed(1)} µs, p99 ${quantile(us, 0.99).toFixed(1)} µs`,
    );
  }
  const { ids, lengths, size, sequence } = batchOf([reference.rows[0]]);
  const out = new Float32Array(384);
  const call = [];
  for (let i = 0; i < 2000; i++) {
    const start = performance.now();
    await addon.infer(engine, ids, lengths, size, sequence, out);
    call.push((performance.now() - start) * 1000);
  }
  note(
    `${name} one utterance, call to answer`,
    `p50 ${quantile(call, 0.5).toFixed(1)} µs, p99 ${quantile(call, 0.99).toFixed(1)} µs`,
  );
}

export async function checkRefusals(addon, engine, plan) {
  const load = (bytes, buckets = [{ batch: 1, sequence: 16 }]) =>
    addon.loadEngine(bytes, { buckets, graphs: true });
  await expectCode('no plan', 'BAD_ENGINE', /TensorRT does not take/, () =>
    load(new Uint8Array(4096).fill(3)),
  );
  await expectCode('half a plan', 'BAD_ENGINE', /TensorRT does not take/, () =>
    load(plan.slice(0, plan.length >> 1)),
  );
  await expectCode('a bucket outside every profile', 'BAD_ARGUMENT', /1x512 lies within no profile/, () =>
    load(plan, [{ batch: 1, sequence: 512 }]),
  );
  const infer = (ids, lengths, size, sequence, out) => async () =>
    addon.infer(engine, ids, lengths, size, sequence, out);
  const [ids, lengths, out] = [new Int32Array(16), Int32Array.of(16), new Float32Array(384)];
  await expectCode('too few ids', 'BAD_ARGUMENT', /ids/, infer(new Int32Array(15), lengths, 1, 16, out));
  await expectCode(
    'a length past the sequence',
    'BAD_ARGUMENT',
    /lengths\[0\]/,
    infer(ids, Int32Array.of(17), 1, 16, out),
  );
  await expectCode('a length of 0', 'BAD_ARGUMENT', /lengths\[0\]/, infer(ids, Int32Array.of(0), 1, 16, out));
  await expectCode(
    'a token below 0',
    'BAD_ARGUMENT',
    /ids\[0\]/,
    infer(new Int32Array(16).fill(-1), lengths, 1, 16, out),
  );
  await expectCode(
    'an out of another size',
    'BAD_ARGUMENT',
    /out/,
    infer(ids, lengths, 1, 16, new Float32Array(383)),
  );
  await expectCode(
    'a batch beyond the buckets',
    'BAD_ARGUMENT',
    /bucket/,
    infer(new Int32Array(17 * 16), new Int32Array(17).fill(16), 17, 16, new Float32Array(17 * 384)),
  );
  await expectCode('warmup of no bucket', 'BAD_ARGUMENT', /bucket/, async () =>
    addon.warmup(engine, 2, 16, 1),
  );
  await expectCode('an engine that never was', 'BAD_ARGUMENT', /loadEngine gave/, async () =>
    addon.engineInfo(1e6),
  );
}

/** What was asked before the unload is answered; what is asked after it is refused. */
export async function checkUnload(addon, engine, reference) {
  const asked = Array.from({ length: 20 }, () => embed(addon, engine, [reference.rows[0]], 384));
  const unloaded = addon.unloadEngine(engine);
  await expectCode('an unloaded engine is refused', 'UNLOADED', /unloaded/, async () =>
    addon.engineInfo(engine),
  );
  await expectCode('and not unloaded twice', 'UNLOADED', /unloaded/, async () => addon.unloadEngine(engine));
  const answered = await Promise.allSettled(asked);
  await unloaded;
  expect(
    'what was asked before the unload is answered',
    answered.every(({ status }) => status === 'fulfilled'),
  );
}
