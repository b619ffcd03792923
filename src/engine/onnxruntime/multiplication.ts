import { Tensor } from 'onnxruntime-node';
import { productToOnnx, type Multiply } from '../../model/index.js';
import { openSession, runFor } from './session.js';

/** Matrix products through ONNX Runtime's CPU provider, for work that is not inference. */
export interface Multiplication {
  /** @throws IntentdError `inference_failed` */
  readonly multiply: Multiply;
  close(): Promise<void>;
}

/** @param threads that share one product */
export async function createMultiplication(threads: number): Promise<Multiplication> {
  const session = await openSession('a matrix product', productToOnnx(), { threads });
  return {
    multiply: (input, weight, rows, inputs, outputs) =>
      runFor(
        session,
        {
          input: new Tensor('float32', input, [rows, inputs]),
          weight: new Tensor('float32', weight, [outputs, inputs]),
        },
        'product',
      ),
    close: () => session.release(),
  };
}
