import { describe, expect, it } from 'vitest';
import { decodeBatch, encodeBatch } from '../../../src/engine/worker/bodies.js';
import { FrameReader, encodeFrame, frameKinds } from '../../../src/engine/worker/frames.js';

const frame = Buffer.concat(encodeFrame(frameKinds.infer, 7, [Buffer.from('ab'), Buffer.from('c')]));

describe('frames', () => {
  it('come out of a stream however it is cut', () => {
    const stream = Buffer.concat([frame, frame, frame]);
    for (let size = 1; size <= stream.length; size++) {
      const reader = new FrameReader();
      const out = [];
      for (let at = 0; at < stream.length; at += size)
        out.push(...reader.push(stream.subarray(at, at + size)));
      expect(out.map(({ kind, call, body }) => [kind, call, body.toString()])).toEqual(
        Array.from({ length: 3 }, () => [frameKinds.infer, 7, 'abc']),
      );
    }
  });

  it('of many chunks are put together once, not once a chunk', () => {
    const long = Buffer.concat(encodeFrame(frameKinds.plan, 1, [Buffer.alloc(8 << 20)]));
    const reader = new FrameReader();
    const began = performance.now();
    let frames = 0;
    for (let at = 0; at < long.length; at += 4096) frames += reader.push(long.subarray(at, at + 4096)).length;
    expect(frames).toBe(1);
    // Two thousand chunks: eight gigabytes, if what came before were copied with each.
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('of a length or a kind that there is not are refused', () => {
    expect(() => new FrameReader().push(Buffer.alloc(4, 0xff))).toThrow('that is no frame');
    expect(() => new FrameReader().push(Buffer.alloc(9))).toThrow('that is no frame');
    const strange = Buffer.from(frame);
    strange[4] = 99;
    expect(() => new FrameReader().push(strange)).toThrow('of kind 99');
  });
});

describe('a batch', () => {
  const batch = { size: 2, sequence: 3, lengths: Int32Array.of(3, 1), ids: Int32Array.of(1, 2, 3, 4, 0, 0) };

  it('arrives as it was sent, wherever it lies in memory', () => {
    const body = Buffer.concat([Buffer.from('x'), ...encodeBatch(batch)]).subarray(1);
    expect(decodeBatch(body)).toEqual(batch);
  });

  it('of another size than it claims is refused', () => {
    const body = Buffer.concat(encodeBatch(batch));
    expect(() => decodeBatch(body.subarray(0, -1))).toThrow('instead of');
    expect(() => decodeBatch(Buffer.concat([body, Buffer.alloc(4)]))).toThrow('instead of');
  });
});
