import { IntentdError } from '../../base/index.js';
import type { HeadWeights } from '../../model/index.js';
import type { Inference, TokenBatch } from '../engine.js';

const none = new Float32Array(0);

/** Bodies of frames: a name, or numbers, or typed arrays as they lie in memory (little-endian). */

export function encodeNamed(name: string, rest: readonly Uint8Array[]): Uint8Array[] {
  const text = Buffer.from(name);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(text.length);
  return [length, text, ...rest];
}

export function decodeNamed(body: Buffer): { name: string; rest: Buffer } {
  const end = 4 + readCount(body, 0);
  checkLength(body, end);
  return { name: body.toString('utf8', 4, end), rest: body.subarray(end) };
}

export function encodeBatch({ ids, lengths, size, sequence }: TokenBatch): Uint8Array[] {
  return [bytesOf(Uint32Array.of(size, sequence)), bytesOf(lengths), bytesOf(ids)];
}

/** @throws IntentdError `bad_frame` where the body has another length than its shape says */
export function decodeBatch(body: Buffer): TokenBatch {
  const size = readCount(body, 0);
  const sequence = readCount(body, 4);
  checkLength(body, 8 + 4 * size * (1 + sequence), true);
  const numbers = new Int32Array(copyOf(body.subarray(8)));
  return { size, sequence, lengths: numbers.subarray(0, size), ids: numbers.subarray(size) };
}

export function encodeFloats(...arrays: readonly Float32Array[]): Uint8Array[] {
  return arrays.flatMap((array) => [bytesOf(Uint32Array.of(array.length)), bytesOf(array)]);
}

/** @throws IntentdError `bad_frame` where the body does not hold exactly `count` arrays */
export function decodeFloats(body: Buffer, count: number): Float32Array[] {
  const arrays: Float32Array[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    const length = readCount(body, at);
    checkLength(body, at + 4 + 4 * length);
    arrays.push(new Float32Array(copyOf(body.subarray(at + 4, at + 4 + 4 * length))));
    at += 4 + 4 * length;
  }
  checkLength(body, at, true);
  return arrays;
}

const activations = ['gelu', 'tanh', 'relu'] as const;

/** Four counts (hidden layer's size, or 0, its activation, intents, background), then its four arrays. */
export function encodeHead({ hidden, output, intents, background }: HeadWeights): Uint8Array[] {
  const activation = activations.indexOf(hidden?.activation ?? 'gelu');
  return [
    bytesOf(Uint32Array.of(hidden?.size ?? 0, activation, intents, background)),
    ...encodeFloats(hidden?.weight ?? none, hidden?.bias ?? none, output.weight, output.bias),
  ];
}

/** @throws IntentdError `bad_frame` */
export function decodeHead(body: Buffer): HeadWeights {
  const [size, kind, intents, background] = [0, 4, 8, 12].map((at) => readCount(body, at));
  const [weight, bias, outputWeight, outputBias] = decodeFloats(body.subarray(16), 4);
  const activation = activations[kind!];
  if (activation === undefined) throw new IntentdError('bad_frame', `A head has the activation ${kind!}.`);
  return {
    ...(size === 0 ? {} : { hidden: { weight: weight!, bias: bias!, size: size!, activation } }),
    output: { weight: outputWeight!, bias: outputBias! },
    intents: intents!,
    background: background!,
  };
}

/** Logits, embeddings, and figures of the batch in µs: the worker's time, and the GPU's where there is one. */
export function encodeInference({ logits, embeddings, gpuUs }: Inference, workerUs: number): Uint8Array[] {
  return encodeFloats(logits, embeddings, Float32Array.of(workerUs, ...(gpuUs === undefined ? [] : [gpuUs])));
}

/**
 * An answer to `batch`.
 *
 * @throws IntentdError `bad_frame` where it cannot be divided among the batch's utterances
 */
export function decodeInference(body: Buffer, batch: TokenBatch): Inference {
  const [logits, embeddings, figures] = decodeFloats(body, 3) as [Float32Array, Float32Array, Float32Array];
  if (logits.length % batch.size !== 0 || embeddings.length % batch.size !== 0) {
    throw new IntentdError('bad_frame', `The worker answered a batch of ${batch.size} with uneven rows.`);
  }
  const [workerUs, gpuUs] = figures;
  return {
    logits,
    embeddings,
    ...(workerUs === undefined ? {} : { workerUs }),
    ...(gpuUs === undefined ? {} : { gpuUs }),
  };
}

export function encodeFailure(code: string, message: string): Uint8Array[] {
  return encodeNamed(code, [Buffer.from(message)]);
}

export function decodeFailure(body: Buffer): IntentdError {
  const { name, rest } = decodeNamed(body);
  return new IntentdError(name, rest.toString('utf8'));
}

function readCount(body: Buffer, at: number): number {
  checkLength(body, at + 4);
  return body.readUInt32LE(at);
}

function checkLength(body: Buffer, bytes: number, exactly = false): void {
  if (body.length < bytes || (exactly && body.length !== bytes)) {
    throw new IntentdError('bad_frame', `A frame's body has ${body.length} bytes instead of ${bytes}.`);
  }
}

function bytesOf(array: Int32Array | Uint32Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Typed arrays need an aligned start, which a body inside a stream does not have. */
function copyOf(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
