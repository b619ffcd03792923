import { createRequire } from 'node:module';
import type onnxProto from 'onnx-proto';

type Onnx = (typeof onnxProto)['onnx'];

const require = createRequire(import.meta.url);
let loaded: Onnx | undefined;

/** ONNX's messages, loaded with the first graph that is written: a daemon writes none and saves their memory. */
export function onnx(): Onnx {
  loaded ??= (require('onnx-proto') as typeof onnxProto).onnx;
  return loaded;
}
