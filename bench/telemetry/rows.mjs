/** Rows such as a busy agent would write, the same in every run. */

const intents = Array.from({ length: 150 }, (_, at) => `intent_${String(at).padStart(3, '0')}`);

/** A generator of numbers from 0 to 1 (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A request that was answered at `time`: some intents are common, some latencies are long, one in twenty is out of scope. */
export function rowAt(time, id, chance) {
  const outOfScope = chance() < 0.05;
  const failed = chance() < 0.001;
  const tokens = 4 + Math.floor(chance() * 20);
  const inferUs = Math.round(900 * Math.exp(chance() + chance() * chance() * chance()));
  const queueUs = Math.round(120 * Math.exp(3 * chance() * chance()));
  const energyMj = (inferUs * (9 + chance())) / 1000;
  return {
    time,
    requestId: `bench-${id}`,
    dialect: 'native',
    model: 'clinc150-minilm-l6',
    version: '1.0.0',
    engine: 'onnxruntime',
    intent: outOfScope || failed ? null : intents[Math.floor(chance() * chance() * intents.length)],
    confidence: 0.5 + chance() / 2,
    outOfScope,
    tokens,
    bucket: tokens <= 16 ? 16 : 32,
    batchSize: 1 + Math.floor(chance() * 4),
    queueUs,
    tokenizeUs: 20,
    inferUs,
    gpuUs: null,
    totalUs: queueUs + inferUs + 60,
    energyMj,
    aboveIdleMj: energyMj * 0.4,
    energyHow: 'sampled',
    meter: 'rapl',
    sampleMs: 10,
    error: failed ? 'overloaded' : null,
    text: null,
  };
}
