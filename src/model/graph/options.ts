import { IntentdError } from '../../base/index.js';
import { activationSites, linearNames, type Encoder } from '../encoder.js';

/**
 * How INT8 products are laid out for ONNX Runtime: unsigned activations, and weights signed (`u8s8`, the
 * fastest where the processor multiplies bytes without saturating) or shifted to unsigned (`u8u8`, which
 * cannot saturate anywhere).
 */
export type WeightForm = 'u8s8' | 'u8u8';

/**
 * Which graph to write.
 *
 * | attention | precision | for |
 * | --- | --- | --- |
 * | `plugin` | `int8`, `fp16` | TensorRT with the node `LocalGlobalAttention` |
 * | `standard` | `int8`, `fp16`, `fp32` | ONNX operators alone: TensorRT's own attention, other runtimes |
 * | `onnxruntime` | `int8`, `fp32` | ONNX Runtime's CPU provider, with its fused operators |
 */
export interface EncoderGraphOptions {
  readonly precision: 'int8' | 'fp16' | 'fp32';
  readonly attention: 'plugin' | 'standard' | 'onnxruntime';
  /** Only for `int8` with `onnxruntime`; `u8s8` if absent. */
  readonly weights?: WeightForm;
}

/** @throws IntentdError `bad_graph_options` or `not_quantized` if the encoder cannot be written that way. */
export function checkGraphOptions(encoder: Encoder, { precision, attention }: EncoderGraphOptions): void {
  if (attention === 'plugin' && precision === 'fp32') {
    throw badOptions('The attention plugin computes in int8 or fp16, not fp32; use standard attention');
  }
  if (attention === 'onnxruntime' && precision === 'fp16') {
    throw badOptions('ONNX Runtime on a CPU computes in int8 or fp32, not fp16; ask for one of those');
  }
  if (precision === 'int8') checkQuantized(encoder);
}

function checkQuantized(encoder: Encoder): void {
  for (const [index, layer] of encoder.layers.entries()) {
    for (const name of linearNames) {
      if (layer.linear[name].weight.kind !== 'int8') {
        throw notQuantized(`layer.${index}.${name} is floating point`);
      }
    }
    for (const site of activationSites) {
      const step = layer.activation?.[site];
      if (step === undefined || !(step > 0) || !Number.isFinite(step)) {
        throw notQuantized(`layer.${index}.activation.${site} has no step above zero`);
      }
    }
  }
}

function badOptions(reason: string): IntentdError {
  return new IntentdError('bad_graph_options', `${reason}.`);
}

function notQuantized(reason: string): IntentdError {
  return new IntentdError('not_quantized', `An int8 graph needs an INT8 encoder, but ${reason}.`);
}
