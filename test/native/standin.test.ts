import { beforeAll, describe, expect, it } from 'vitest';
import { loadAddon, type BuildProgress, type NativeAddon } from '../../src/engine/tensorrt/addon.js';
import { inProcess, named, noStandin, standinFile } from './support.js';

const plan = new TextEncoder().encode('engine');
const onnx = new TextEncoder().encode('graph');
const buckets = [
  { batch: 1, sequence: 8 },
  { batch: 4, sequence: 16 },
];
const options = {
  profiles: [{ min: [1, 1], opt: [1, 8], max: [1, 8] } as const],
  sparse: true,
  workspaceBytes: 1024,
  builderLevel: 3,
  detailedProfiling: true,
};
const unwatched = () => undefined;

describe.skipIf(noStandin)(named('what surrounds an engine', noStandin), () => {
  let addon: NativeAddon;
  beforeAll(() => (addon = loadAddon(standinFile)));

  const load = () => addon.loadEngine(plan, { buckets, graphs: true });
  /** One row whose embedding says what came through. */
  const infer = async (engine: number, tokens: readonly number[]) => {
    const out = new Float32Array(4);
    const gpuUs = await addon.infer(
      engine,
      Int32Array.from(tokens),
      Int32Array.of(tokens.length),
      1,
      tokens.length,
      out,
    );
    return { out: [...out], gpuUs };
  };

  it('infers, tells of itself, warms up and unloads', async () => {
    const engine = await load();
    expect(await infer(engine, [3, 4, 5])).toEqual({ out: [12, 3, 1, 3], gpuUs: 200 });
    expect(addon.engineInfo(engine)).toMatchObject({
      hidden: 4,
      planBytes: plan.length,
      layers: '{"Layers":[]}',
    });
    expect(await addon.warmup(engine, 4, 16, 3)).toEqual(Float64Array.of(200, 200, 200));
    await addon.unloadEngine(engine);
    expect(() => addon.engineInfo(engine)).toThrow(expect.objectContaining({ code: 'UNLOADED' }));
  });

  it('answers each of many at once with its own', async () => {
    const engines = [await load(), await load()];
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => infer(engines[i % 2]!, [i])));
    expect(answers.map(({ out }) => out[0])).toEqual(Array.from({ length: 200 }, (_, i) => i));
    await Promise.all(engines.map((engine) => addon.unloadEngine(engine)));
  });

  it('copies the tokens when called: the caller may use its arrays again', async () => {
    const engine = await load();
    const [ids, out] = [Int32Array.of(5), new Float32Array(4)];
    const running = addon.infer(engine, ids, Int32Array.of(1), 1, 1, out);
    ids[0] = 9;
    await running;
    expect(out[0]).toBe(5);
    await addon.unloadEngine(engine);
  });

  it('refuses values out of range, and more than a bucket takes', async () => {
    const engine = await load();
    const refused = (
      ids: Int32Array,
      lengths: Int32Array,
      sequence: number,
      out = new Float32Array(4 * lengths.length),
    ) => expect(() => addon.infer(engine, ids, lengths, lengths.length, sequence, out));
    refused(Int32Array.of(-1), Int32Array.of(1), 1).toThrow(/ids\[0\] must be a token's number/);
    refused(Int32Array.of(1), Int32Array.of(0), 1).toThrow(/lengths\[0\] must be 1 to 1/);
    refused(Int32Array.of(1), Int32Array.of(2), 1).toThrow(/lengths\[0\] must be 1 to 1/);
    refused(Int32Array.of(1), Int32Array.of(1), 1, new Float32Array(5)).toThrow(
      /out must be a Float32Array of 4/,
    );
    refused(new Int32Array(17), Int32Array.of(1), 17).toThrow(
      /1x17 must be no larger than a bucket: 1x8, 4x16/,
    );
    expect(() => addon.warmup(engine, 2, 8, 1)).toThrow(/2x8 must be a bucket: 1x8, 4x16/);
    await addon.unloadEngine(engine);
  });

  it('writes nothing into an array that is gone by then', async () => {
    const engine = await load();
    const out = new Float32Array(4);
    const running = addon.infer(engine, Int32Array.of(1), Int32Array.of(1), 1, 1, out);
    structuredClone(out.buffer, { transfer: [out.buffer] });
    await expect(running).rejects.toMatchObject({ code: 'BAD_ARGUMENT', message: /out was detached/ });
    await addon.unloadEngine(engine);
  });

  it('answers what was asked before an unload, and refuses what comes after', async () => {
    const engine = await load();
    const asked = Array.from({ length: 10 }, (_, i) => infer(engine, [i]));
    const unloaded = addon.unloadEngine(engine);
    await expect(infer(engine, [1])).rejects.toMatchObject({ code: 'UNLOADED' });
    expect((await Promise.all(asked)).map(({ out }) => out[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await unloaded;
  });

  it('rejects a load of something else', async () => {
    await expect(addon.loadEngine(onnx, { buckets, graphs: true })).rejects.toMatchObject({
      code: 'BAD_ENGINE',
    });
  });

  it('builds with every step told, phases within phases', async () => {
    const steps: BuildProgress[] = [];
    const built = await addon.buildEngine(onnx, options, (step) => steps.push(step)).done;
    expect(built).toEqual({ plan: onnx, timingCache: Uint8Array.of(1, 2, 3), buildMs: 50 });
    expect(steps.map(({ phase, step, steps: all, depth }) => [phase, step, all, depth])).toEqual([
      ['build', 0, 10, 0],
      ['tactics', 0, 1, 1],
      ...Array.from({ length: 10 }, (_, i) => ['build', i + 1, 10, 0]),
    ]);
  });

  it('ends a cancelled build at its next step; cancelling again changes nothing', async () => {
    let told = 0;
    const build = addon.buildEngine(onnx, options, () => {
      if (++told === 5) build.cancel();
    });
    await expect(build.done).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(told).toBeLessThan(9);
    build.cancel();
  });

  it("tells a failed build's error with the library's own words, in the log and in the error", async () => {
    const lines: string[] = [];
    addon.setLogSink((level, message) => lines.push(`${level} ${message}`));
    const { done } = addon.buildEngine(new TextEncoder().encode('bad'), options, unwatched);
    await expect(done).rejects.toMatchObject({
      code: 'PARSE_FAILED',
      message: "The stand-in refuses the ONNX: a word of the parser's",
    });
    addon.setLogSink(null);
    expect(lines).toEqual(["error a word of the parser's"]);
  });

  const setUp = `const load = () => addon.loadEngine(Buffer.from('engine'), { buckets: [{ batch: 1, sequence: 8 }], graphs: true });
    const infer = (engine) => addon.infer(engine, Int32Array.of(1), Int32Array.of(1), 1, 1, new Float32Array(4));
    const build = (watch) => addon.buildEngine(Buffer.from('graph'), ${JSON.stringify(options)}, watch);`;

  it.each([
    ['an engine is loaded', 'await load(); console.log("end");'],
    [
      'inferences run',
      'const e = await load(); for (let i = 0; i < 50; i++) infer(e); console.log("end"); process.exit(0);',
    ],
    ['a build runs', 'build(() => { console.log("end"); process.exit(0); });'],
    ['logs go nowhere', 'addon.setLogSink(() => {}); console.log("end");'],
    [
      'an unload is on its way',
      'const e = await load(); infer(e); addon.unloadEngine(e); console.log("end"); process.exit(0);',
    ],
  ])('lets a process end while %s', async (_, code) => {
    expect(await inProcess(standinFile, setUp + code)).toEqual({ stdout: 'end\n', status: 0 });
  });

  it('lets a thread of Node.js with an engine in it end', async () => {
    const worker = `const { Worker } = require('node:worker_threads');
      const code = ${JSON.stringify(`const addon = require(${JSON.stringify(standinFile)}); ${setUp}
        load().then((e) => { infer(e); build(() => process.exit(0)); });`)};
      for (let i = 0; i < 3; i++) await new Promise((done) => new Worker(code, { eval: true }).on('exit', done));
      console.log('end');`;
    expect(await inProcess(standinFile, worker)).toEqual({ stdout: 'end\n', status: 0 });
  });

  it('gives back what each engine took, round after round', async () => {
    const code = `${setUp}
      const round = async () => { const e = await load(); await infer(e); await addon.unloadEngine(e); };
      for (let i = 0; i < 500; i++) await round();
      global.gc?.();
      const before = process.memoryUsage().rss;
      const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
      const running = threads();
      for (let i = 0; i < 2000; i++) await round();
      global.gc?.();
      console.log(JSON.stringify({ grown: process.memoryUsage().rss - before, threads: threads() - running }));`;
    const { stdout, status } = await inProcess(standinFile, code, { NODE_OPTIONS: '--expose-gc' });
    expect(status).toBe(0);
    const { grown, threads } = JSON.parse(stdout) as { grown: number; threads: number };
    expect(threads).toBe(0);
    if (process.env['ASAN_OPTIONS'] === undefined) expect(grown).toBeLessThan(16 * 2 ** 20);
  });
});
