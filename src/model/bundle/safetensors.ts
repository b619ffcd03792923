import { IntentdError, readRegularFile } from '../../base/index.js';
import { bfloat16ToFloat32, float16ToFloat32 } from './halfFloat.js';
import { type Dtype, parseSafetensorsHeader, type TensorInfo } from './safetensorsHeader.js';

/**
 * The tensors of a safetensors file, each made when it is asked for. Where the file's bytes can be
 * used as they lie the result is a view over them: change it and the file's bytes in memory change.
 *
 * Assumes a little-endian machine, as the format is.
 */
export class Safetensors {
  readonly file: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #data: Uint8Array<ArrayBuffer>;

  /**
   * @param file what error messages call the file
   * @throws IntentdError `bad_safetensors` or `bad_json` where the header cannot be believed
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, file: string) {
    const header = parseSafetensorsHeader(bytes, file);
    this.file = file;
    this.metadata = header.metadata;
    this.tensors = header.tensors;
    this.#data = bytes.subarray(header.dataStart);
  }

  /** @throws IntentdError `bad_safetensors` if there is no such tensor */
  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (!info) {
      throw new IntentdError('bad_safetensors', `${this.file} lacks the tensor ${JSON.stringify(name)}.`);
    }
    return info;
  }

  /**
   * An F32, F16 or BF16 tensor in single precision: F32 that lies at a multiple of four is a view,
   * anything else a copy.
   *
   * @throws IntentdError `bad_safetensors` if it has another type or holds NaN or an infinity
   */
  float32(name: string): Float32Array {
    const { dtype } = this.#infoOf(name, 'F32', 'F16', 'BF16');
    const data =
      dtype === 'F32'
        ? this.#array(name, Float32Array)
        : (dtype === 'F16' ? float16ToFloat32 : bfloat16ToFloat32)(this.#array(name, Uint16Array));
    const at = firstNonFinite(data);
    if (at >= 0) {
      throw new IntentdError(
        'bad_safetensors',
        `${this.file} has ${data[at]!} at element ${at} of tensor ${JSON.stringify(name)}, and every value must be finite.`,
      );
    }
    return data;
  }

  /** An I8 tensor, always a view. */
  int8(name: string): Int8Array {
    this.#infoOf(name, 'I8');
    return this.#array(name, Int8Array);
  }

  /** A U8 tensor, always a view. */
  uint8(name: string): Uint8Array {
    this.#infoOf(name, 'U8');
    return this.#array(name, Uint8Array);
  }

  int32(name: string): Int32Array {
    this.#infoOf(name, 'I32');
    return this.#array(name, Int32Array);
  }

  int64(name: string): BigInt64Array {
    this.#infoOf(name, 'I64');
    return this.#array(name, BigInt64Array);
  }

  #infoOf(name: string, ...allowed: Dtype[]): TensorInfo {
    const info = this.info(name);
    if (!allowed.includes(info.dtype)) {
      throw new IntentdError(
        'bad_safetensors',
        `${this.file} has tensor ${JSON.stringify(name)} as ${info.dtype}, and ${allowed.join(' or ')} was expected.`,
      );
    }
    return info;
  }

  #array<T>(name: string, type: ArrayType<T>): T {
    const { start, end } = this.info(name);
    const size = type.BYTES_PER_ELEMENT;
    const bytes = this.#data.subarray(start, end);
    const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
    return new type(aligned.buffer, aligned.byteOffset, bytes.length / size);
  }
}

/** A plain loop: checkpoints hold a hundred million floats. */
function firstNonFinite(data: Float32Array): number {
  for (let at = 0; at < data.length; at++) {
    if (!Number.isFinite(data[at])) {
      return at;
    }
  }
  return -1;
}

/** Reads a safetensors file, of up to `maxBytes` (4 GiB if absent), into memory once. */
export async function readSafetensorsFile(path: string, maxBytes = 2 ** 32): Promise<Safetensors> {
  return new Safetensors(await readRegularFile(path, { maxBytes }), path);
}

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}
