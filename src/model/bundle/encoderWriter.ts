import { IntentdError } from '../../base/index.js';
import { activationSites, type Encoder, type LayerNorm, linearNames, type Matrix } from '../encoder.js';
import { linearName } from '../sparsity/index.js';
import { pack } from './packing.js';
import { encodeSafetensors, type Tensor } from './safetensorsWriter.js';

/**
 * The bytes of an `encoder.safetensors`; the same encoder always gives the same bytes.
 *
 * @throws IntentdError `bad_encoder` if a matrix is not INT8 or a layer has no activation steps,
 *   `bad_packing` if a matrix that calls itself sparse is not 2:4
 */
export function encodeEncoder(encoder: Encoder): Uint8Array<ArrayBuffer> {
  const { hidden, tokenTypes } = encoder.architecture;
  const tensors = new Map<string, Tensor>();
  addMatrix(tensors, 'embeddings.word', encoder.word);
  addMatrix(tensors, 'embeddings.position', encoder.position);
  addFloat(tensors, 'embeddings.tokenType.weight', encoder.tokenType, tokenTypes, hidden);
  addNorm(tensors, 'embeddings.norm', encoder.norm);
  for (const [at, layer] of encoder.layers.entries()) {
    for (const linear of linearNames) {
      const name = linearName(at, linear);
      const { weight, bias } = layer.linear[linear];
      addMatrix(tensors, name, weight);
      addFloat(tensors, `${name}.bias`, bias, bias.length);
    }
    addNorm(tensors, `layer.${at}.attention.norm`, layer.attentionNorm);
    addNorm(tensors, `layer.${at}.output.norm`, layer.outputNorm);
    for (const site of activationSites) {
      const step = layer.activation?.[site];
      if (step === undefined) {
        throw new IntentdError(
          'bad_encoder',
          `Layer ${at} of the encoder has no activation step for ${site}, and a bundle needs one: calibrate it first.`,
        );
      }
      addFloat(tensors, `layer.${at}.activation.${site}`, Float32Array.of(step), 1);
    }
  }
  return encodeSafetensors(tensors);
}

function addMatrix(tensors: Map<string, Tensor>, name: string, matrix: Matrix): void {
  if (matrix.kind !== 'int8') {
    throw new IntentdError(
      'bad_encoder',
      `${name} of the encoder is in floating point, and a bundle needs INT8: quantize it first.`,
    );
  }
  const { rows, columns, data, scale, sparse } = matrix;
  if (sparse) {
    const { values, positions } = pack(data, rows, columns, name);
    tensors.set(`${name}.values`, { dtype: 'I8', shape: [rows, columns / 2], data: values });
    tensors.set(`${name}.positions`, { dtype: 'U8', shape: [rows, columns / 8], data: positions });
  } else {
    tensors.set(`${name}.weight`, { dtype: 'I8', shape: [rows, columns], data });
  }
  addFloat(tensors, `${name}.scale`, scale, rows);
}

function addNorm(tensors: Map<string, Tensor>, name: string, norm: LayerNorm): void {
  addFloat(tensors, `${name}.weight`, norm.weight, norm.weight.length);
  addFloat(tensors, `${name}.bias`, norm.bias, norm.bias.length);
}

function addFloat(tensors: Map<string, Tensor>, name: string, data: Float32Array, ...shape: number[]): void {
  tensors.set(name, { dtype: 'F32', shape, data });
}
