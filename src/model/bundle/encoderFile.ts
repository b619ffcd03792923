import { IntentdError } from '../../base/index.js';
import {
  type ActivationSite,
  activationSites,
  type Architecture,
  type AttentionPattern,
  type Encoder,
  type EncoderLayer,
  type LayerNorm,
  type Linear,
  type LinearName,
  linearNames,
  type Matrix,
} from '../encoder.js';
import { linearName, linearShape } from '../sparsity/index.js';
import { unpack } from './packing.js';
import type { Safetensors } from './safetensors.js';
import { checkTensors, type ExpectedTensor, positive } from './tensorChecks.js';

export interface EncoderDescription {
  readonly architecture: Architecture;
  readonly attention: AttentionPattern;
  /** Full names of the packed layers. */
  readonly sparseLayers: readonly string[];
}

/** Every tensor of an `encoder.safetensors` in the order of docs/bundle-format.md, by name. */
export function encoderTensors(
  architecture: Architecture,
  sparseLayers: readonly string[],
): Map<string, ExpectedTensor> {
  const { layers, hidden, vocabulary, positions, tokenTypes } = architecture;
  const expected = new Map<string, ExpectedTensor>();
  const float = (name: string, ...shape: number[]) => expected.set(name, { dtypes: ['F32'], shape });
  const int8 = (name: string, ...shape: number[]) => expected.set(name, { dtypes: ['I8'], shape });
  const norm = (name: string) => {
    float(`${name}.weight`, hidden);
    float(`${name}.bias`, hidden);
  };
  int8('embeddings.word.weight', vocabulary, hidden);
  float('embeddings.word.scale', vocabulary);
  int8('embeddings.position.weight', positions, hidden);
  float('embeddings.position.scale', positions);
  float('embeddings.tokenType.weight', tokenTypes, hidden);
  norm('embeddings.norm');
  const sparse = new Set(sparseLayers);
  for (let layer = 0; layer < layers; layer++) {
    for (const linear of linearNames) {
      const name = linearName(layer, linear);
      const [rows, columns] = linearShape(architecture, linear);
      if (sparse.has(name)) {
        int8(`${name}.values`, rows, columns / 2);
        expected.set(`${name}.positions`, { dtypes: ['U8'], shape: [rows, columns / 8] });
      } else {
        int8(`${name}.weight`, rows, columns);
      }
      float(`${name}.scale`, rows);
      float(`${name}.bias`, rows);
    }
    norm(`layer.${layer}.attention.norm`);
    norm(`layer.${layer}.output.norm`);
    for (const site of activationSites) {
      float(`layer.${layer}.activation.${site}`, 1);
    }
  }
  return expected;
}

/**
 * The encoder that an `encoder.safetensors` holds. Dense matrices and floats are views over the
 * file's bytes; packed layers are unpacked.
 *
 * @throws IntentdError `bad_bundle`, `bad_safetensors` or `bad_packing`
 */
export function decodeEncoder(tensors: Safetensors, description: EncoderDescription): Encoder {
  const { architecture, attention, sparseLayers } = description;
  checkPackedLayers(tensors, sparseLayers);
  checkTensors(tensors, encoderTensors(architecture, sparseLayers));
  const { hidden, vocabulary, positions, layers } = architecture;
  return {
    architecture,
    attention,
    word: denseMatrix(tensors, 'embeddings.word', vocabulary, hidden),
    position: denseMatrix(tensors, 'embeddings.position', positions, hidden),
    tokenType: tensors.float32('embeddings.tokenType.weight'),
    norm: layerNorm(tensors, 'embeddings.norm'),
    layers: Array.from({ length: layers }, (_, layer) => decodeLayer(tensors, architecture, layer)),
  };
}

/** A layer that is packed but not named in the manifest, or the reverse, deserves a plain word. */
function checkPackedLayers(tensors: Safetensors, sparseLayers: readonly string[]): void {
  const packed = [...tensors.tensors.keys()]
    .filter((name) => name.endsWith('.positions'))
    .map((name) => name.slice(0, -'.positions'.length));
  const unnamed = packed.find((name) => !sparseLayers.includes(name));
  const missing = sparseLayers.find((name) => !packed.includes(name));
  if (unnamed !== undefined) {
    throw new IntentdError(
      'bad_bundle',
      `${tensors.file} has ${unnamed} packed, and sparsity.layers in manifest.json does not name it.`,
    );
  }
  if (missing !== undefined) {
    throw new IntentdError(
      'bad_bundle',
      `${tensors.file} has no packed layer ${missing}, which sparsity.layers in manifest.json names.`,
    );
  }
}

function decodeLayer(tensors: Safetensors, architecture: Architecture, layer: number): EncoderLayer {
  return {
    linear: recordOf(linearNames, (linear) => decodeLinear(tensors, architecture, layer, linear)),
    attentionNorm: layerNorm(tensors, `layer.${layer}.attention.norm`),
    outputNorm: layerNorm(tensors, `layer.${layer}.output.norm`),
    activation: recordOf(
      activationSites,
      (site: ActivationSite) => positive(tensors, `layer.${layer}.activation.${site}`)[0]!,
    ),
  };
}

function decodeLinear(
  tensors: Safetensors,
  architecture: Architecture,
  layer: number,
  linear: LinearName,
): Linear {
  const name = linearName(layer, linear);
  const [rows, columns] = linearShape(architecture, linear);
  const weight = tensors.tensors.has(`${name}.positions`)
    ? sparseMatrix(tensors, name, rows, columns)
    : denseMatrix(tensors, name, rows, columns);
  return { weight, bias: tensors.float32(`${name}.bias`) };
}

function denseMatrix(tensors: Safetensors, name: string, rows: number, columns: number): Matrix {
  const data = symmetric(tensors, `${name}.weight`);
  return { kind: 'int8', rows, columns, data, scale: positive(tensors, `${name}.scale`), sparse: false };
}

function sparseMatrix(tensors: Safetensors, name: string, rows: number, columns: number): Matrix {
  const packed = {
    values: symmetric(tensors, `${name}.values`),
    positions: tensors.uint8(`${name}.positions`),
  };
  const data = unpack(packed, rows, columns, `${tensors.file}: ${name}`);
  return { kind: 'int8', rows, columns, data, scale: positive(tensors, `${name}.scale`), sparse: true };
}

/** INT8 values −127…127. */
function symmetric(tensors: Safetensors, name: string): Int8Array {
  const data = tensors.int8(name);
  const at = data.indexOf(-128);
  if (at >= 0) {
    throw new IntentdError(
      'bad_bundle',
      `${tensors.file} has -128 at element ${at} of tensor ${JSON.stringify(name)}, and values must be -127 to 127.`,
    );
  }
  return data;
}

function layerNorm(tensors: Safetensors, name: string): LayerNorm {
  return { weight: tensors.float32(`${name}.weight`), bias: tensors.float32(`${name}.bias`) };
}

function recordOf<K extends string, V>(keys: readonly K[], make: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, V>;
}
