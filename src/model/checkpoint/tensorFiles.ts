import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';
import { bfloat16ToFloat32, float16ToFloat32 } from '../bundle/halfFloat.js';
import { parseSafetensorsHeader, type TensorInfo } from '../bundle/safetensorsHeader.js';
import { isFile, readInput } from './inputFile.js';

const singleFile = 'model.safetensors';
const indexFile = 'model.safetensors.index.json';
const maxHeaderBytes = (16 << 20) + 8;
const indexSchema = z.object({
  weight_map: z.record(
    z.string(),
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'a plain file name'),
  ),
});

/** The tensors of a checkpoint; each is read from the disk when it is asked for, and not kept. */
export interface TensorFiles {
  readonly names: ReadonlySet<string>;
  /**
   * A tensor of F32, F16 or BF16, row-major, in single precision.
   *
   * @throws IntentdError `bad_checkpoint` if it is missing, of another type or shape, or not finite.
   */
  read(name: string, shape: readonly number[]): Promise<Float32Array>;
  shapeOf(name: string): readonly number[] | undefined;
  close(): Promise<void>;
}

interface OpenTensor {
  readonly handle: FileHandle;
  readonly file: string;
  readonly dataStart: number;
  readonly info: TensorInfo;
}

/**
 * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names. Only headers are
 * read.
 *
 * @throws IntentdError `bad_checkpoint`, `bad_safetensors`, `bad_json` or `bad_file`
 */
export async function openTensorFiles(folder: string): Promise<TensorFiles> {
  const handles: FileHandle[] = [];
  try {
    const tensors = new Map<string, OpenTensor>();
    for (const name of await shardNames(folder)) {
      const path = join(folder, name);
      if (!(await isFile(path))) {
        throw new IntentdError('bad_checkpoint', `${path} is missing, and ${indexFile} names it.`);
      }
      const handle = await open(path);
      handles.push(handle);
      for (const [tensor, opened] of await openShard(handle, path)) tensors.set(tensor, opened);
    }
    return new OpenTensorFiles(folder, tensors, handles);
  } catch (error) {
    for (const handle of handles) await handle.close();
    throw error;
  }
}

class OpenTensorFiles implements TensorFiles {
  readonly names: ReadonlySet<string>;

  constructor(
    private readonly folder: string,
    private readonly tensors: ReadonlyMap<string, OpenTensor>,
    private readonly handles: readonly FileHandle[],
  ) {
    this.names = new Set(tensors.keys());
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.tensors.get(name)?.info.shape;
  }

  async read(name: string, shape: readonly number[]): Promise<Float32Array> {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) {
      throw new IntentdError('bad_checkpoint', `${this.folder} has no tensor ${JSON.stringify(name)}.`);
    }
    const found = tensor.info.shape;
    if (found.length !== shape.length || found.some((extent, i) => extent !== shape[i])) {
      throw new IntentdError(
        'bad_checkpoint',
        `${tensor.file}: tensor ${name} must have the shape [${shape.join(', ')}] that config.json asks for, not [${found.join(', ')}].`,
      );
    }
    const values = toFloat32(await readBytes(tensor), tensor, name);
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      throw new IntentdError(
        'bad_checkpoint',
        `${tensor.file}: tensor ${name} must be finite, and element ${at} is ${values[at]!}.`,
      );
    }
    return values;
  }

  async close(): Promise<void> {
    await Promise.all(this.handles.map((handle) => handle.close()));
  }
}

async function shardNames(folder: string): Promise<string[]> {
  if (await isFile(join(folder, singleFile))) return [singleFile];
  const path = join(folder, indexFile);
  if (!(await isFile(path))) {
    throw new IntentdError(
      'bad_checkpoint',
      `${folder} has neither ${singleFile} nor ${indexFile}; save the model with save_pretrained(…, safe_serialization=True).`,
    );
  }
  const bytes = await readInput(path, maxHeaderBytes);
  const index = parseWith(indexSchema, parseJson(bytes, { name: path }), path, 'bad_checkpoint');
  return [...new Set(Object.values(index.weight_map))].sort();
}

async function openShard(handle: FileHandle, file: string): Promise<Map<string, OpenTensor>> {
  const { size } = await handle.stat();
  const head = await readRange(handle, file, 0, Math.min(size, 8));
  const length = size < 8 ? 0 : Number(new DataView(head.buffer).getBigUint64(0, true));
  const bytes = await readRange(handle, file, 0, Math.min(size, maxHeaderBytes, 8 + length));
  const { tensors, dataStart } = parseSafetensorsHeader(bytes, file, size);
  return new Map([...tensors].map(([name, info]) => [name, { handle, file, dataStart, info }]));
}

async function readBytes({ handle, file, dataStart, info }: OpenTensor): Promise<Uint8Array<ArrayBuffer>> {
  return readRange(handle, file, dataStart + info.start, info.end - info.start);
}

async function readRange(
  handle: FileHandle,
  file: string,
  start: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw new IntentdError('bad_file', `${file} changed its length while it was read.`);
    done += bytesRead;
  }
  return bytes;
}

function toFloat32(bytes: Uint8Array<ArrayBuffer>, { info, file }: OpenTensor, name: string): Float32Array {
  if (info.dtype === 'F32') return new Float32Array(bytes.buffer);
  if (info.dtype === 'F16') return float16ToFloat32(new Uint16Array(bytes.buffer));
  if (info.dtype === 'BF16') return bfloat16ToFloat32(new Uint16Array(bytes.buffer));
  throw new IntentdError(
    'bad_checkpoint',
    `${file}: tensor ${name} must be F32, F16 or BF16, not ${info.dtype}.`,
  );
}
