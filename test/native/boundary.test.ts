import { beforeAll, describe, expect, it } from 'vitest';
import { loadAddon, nativeCode, type NativeAddon } from '../../src/engine/tensorrt/addon.js';
import { addonFile, named, noAddon } from './support.js';

const shape = (batch: unknown, sequence: unknown) => ({
  min: [batch, sequence],
  opt: [batch, sequence],
  max: [batch, sequence],
});
const bytes = Uint8Array.of(1);
const build = (more: object) => [
  bytes,
  {
    profiles: [shape(1, 16)],
    sparse: true,
    workspaceBytes: 1024,
    builderLevel: 3,
    detailedProfiling: true,
    ...more,
  },
  () => undefined,
];
const buckets = [{ batch: 1, sequence: 16 }];
const ids = new Int32Array(16);
const out = new Float32Array(4);

/** Arguments that must be refused, with what the message must name. */
const refused: readonly [keyof NativeAddon, RegExp, readonly unknown[]][] = [
  ['setLogSink', /sink must be a function or null/, []],
  ['setLogSink', /sink/, ['log']],
  ['loadPlugins', /path must be a string/, []],
  ['loadPlugins', /path/, [7]],
  ['loadPlugins', /path .* no NUL/, ['a\0b']],
  ['loadPlugins', /path .* not empty/, ['']],
  ['buildEngine', /options must be an object/, []],
  ['buildEngine', /options must be an object/, [bytes, null]],
  ['buildEngine', /options must be an object/, [bytes, []]],
  ['buildEngine', /onnx must be a Uint8Array/, ['onnx', ...build({}).slice(1)]],
  ['buildEngine', /onnx must be a Uint8Array/, [new Int8Array(4), ...build({}).slice(1)]],
  ['buildEngine', /onnx .* not empty/, [new Uint8Array(), ...build({}).slice(1)]],
  ['buildEngine', /profiles must be an array of 1 to 3/, build({ profiles: [] })],
  ['buildEngine', /profiles must be an array of 1 to 3/, build({ profiles: Array(4).fill(shape(1, 16)) })],
  ['buildEngine', /profiles\[0\] must be an object/, build({ profiles: [1] })],
  ['buildEngine', /profiles\[0\]\.min must be an array of 2/, build({ profiles: [{ min: [1] }] })],
  ['buildEngine', /profiles\[0\]\.min batch must be a whole number/, build({ profiles: [shape(0, 16)] })],
  ['buildEngine', /profiles\[0\]\.min sequence/, build({ profiles: [shape(1, 1.5)] })],
  ['buildEngine', /profiles\[0\]\.min sequence/, build({ profiles: [shape(1, Number.NaN)] })],
  ['buildEngine', /min ≤ opt ≤ max/, build({ profiles: [{ ...shape(2, 16), max: [1, 16] }] })],
  ['buildEngine', /min ≤ opt ≤ max/, build({ profiles: [{ ...shape(2, 16), min: [3, 16] }] })],
  ['buildEngine', /sparse must be true or false/, build({ sparse: 1 })],
  ['buildEngine', /workspaceBytes/, build({ workspaceBytes: 0 })],
  ['buildEngine', /workspaceBytes/, build({ workspaceBytes: Number.POSITIVE_INFINITY })],
  ['buildEngine', /builderLevel must be a whole number from 0 to 5/, build({ builderLevel: 6 })],
  ['buildEngine', /detailedProfiling/, build({ detailedProfiling: undefined })],
  ['buildEngine', /timingCache must be a Uint8Array/, build({ timingCache: 'cache' })],
  ['buildEngine', /onProgress must be a function/, build({}).slice(0, 2)],
  ['loadEngine', /options must be an object/, [bytes]],
  ['loadEngine', /buckets must be an array/, [bytes, { graphs: true }]],
  ['loadEngine', /buckets must be an array/, [bytes, { buckets: [], graphs: true }]],
  ['loadEngine', /buckets\[0\] batch/, [bytes, { buckets: [{}], graphs: true }]],
  ['loadEngine', /buckets\[0\] sequence/, [bytes, { buckets: [{ batch: 1, sequence: -1 }], graphs: true }]],
  ['loadEngine', /graphs must be true or false/, [bytes, { buckets }]],
  ['loadEngine', /plan must be a Uint8Array/, [undefined, { buckets, graphs: true }]],
  ['engineInfo', /engine must be a whole number/, []],
  ['engineInfo', /engine must be a number that loadEngine gave/, [1]],
  ['engineInfo', /engine/, ['1']],
  ['warmup', /batch must be a whole number/, [1]],
  ['warmup', /sequence must be a whole number/, [1, 1]],
  ['warmup', /repeats must be a whole number/, [1, 1, 16]],
  ['warmup', /repeats/, [1, 1, 16, 0]],
  ['warmup', /engine must be a number that loadEngine gave/, [1, 1, 16, 1]],
  ['infer', /batch must be a whole number/, [1, ids, Int32Array.of(16)]],
  ['infer', /ids must be a Int32Array of 16/, [1, new Int32Array(15), Int32Array.of(16), 1, 16, out]],
  ['infer', /ids must be a Int32Array/, [1, [1], Int32Array.of(16), 1, 16, out]],
  ['infer', /lengths must be a Int32Array of 1 /, [1, ids, new Int32Array(), 1, 16, out]],
  ['infer', /lengths/, [1, ids, new Float32Array(1), 1, 16, out]],
  ['infer', /engine must be a number that loadEngine gave/, [1, ids, Int32Array.of(16), 1, 16, out]],
  ['unloadEngine', /engine must be a whole number/, []],
  ['unloadEngine', /engine must be a number that loadEngine gave/, [1]],
];

describe.skipIf(noAddon)(named('the native boundary', noAddon), () => {
  let addon: NativeAddon;
  beforeAll(() => (addon = loadAddon(addonFile)));

  const call = (name: keyof NativeAddon, given: readonly unknown[]): unknown =>
    (addon[name] as (...all: readonly unknown[]) => unknown)(...given);

  it.each(refused)('%s refuses what it cannot take: %s', (name, words, given) => {
    let thrown: unknown;
    try {
      call(name, given);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    expect(nativeCode(thrown)).toBe('BAD_ARGUMENT');
    expect((thrown as Error).message).toMatch(words);
  });

  it('passes on what a getter of the options throws', () => {
    const options = Object.defineProperty({}, 'profiles', {
      get: () => {
        throw new RangeError('mine');
      },
    });
    expect(() => call('buildEngine', [bytes, options, () => undefined])).toThrow(new RangeError('mine'));
  });
});
