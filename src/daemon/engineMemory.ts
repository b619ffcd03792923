import { availableMemoryBytes } from '../base/index.js';

const mib = 2 ** 20;

/** What a worker of the CPU engine takes, in bytes: 160 MiB at most with the default model. */
export const cpuEngineBytes = 200 * mib;
/** What CUDA, TensorRT and the engine take of memory that a GPU shares, in bytes, for an encoder as the default one. */
const tensorRtBytes = 600 * mib;
/** What a larger encoder takes of both for each byte of its file, roughly: weights, a copy while loading, activations. */
const perEncoderByte = 6;

/**
 * Whether memory holds two engines of an encoder for a while, TensorRT's and the CPU's, none of which is loaded.
 *
 * @param encoderBytes size of the encoder's file
 * @param reserveBytes memory to be left over
 */
export function holdsBothEngines(encoderBytes: number, reserveBytes: number): boolean {
  const needed = cpuEngineBytes + tensorRtBytes + perEncoderByte * encoderBytes;
  return availableMemoryBytes() - reserveBytes >= needed;
}
