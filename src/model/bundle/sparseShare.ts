import { type Architecture, type Encoder, linearNames } from '../encoder.js';
import { linearName, linearShape } from '../sparsity/index.js';

/**
 * The share of an encoder's linear weights that packing leaves out: half of the packed layers'
 * weights. Zeros that rounding happens to make elsewhere do not count.
 *
 * @param sparseLayers full names of the packed layers
 */
export function sparseShare(
  architecture: Pick<Architecture, 'layers' | 'hidden' | 'feedForward'>,
  sparseLayers: readonly string[],
): number {
  const sparse = new Set(sparseLayers);
  let all = 0;
  let left = 0;
  for (let layer = 0; layer < architecture.layers; layer++) {
    for (const linear of linearNames) {
      const [rows, columns] = linearShape(architecture, linear);
      all += rows * columns;
      left += sparse.has(linearName(layer, linear)) ? (rows * columns) / 2 : 0;
    }
  }
  return left / all;
}

/** Full names of the layers whose matrices call themselves sparse, in the order of the model. */
export function sparseLayersOf(encoder: Encoder): string[] {
  return encoder.layers.flatMap((layer, at) =>
    linearNames
      .filter((linear) => {
        const { weight } = layer.linear[linear];
        return weight.kind === 'int8' && weight.sparse;
      })
      .map((linear) => linearName(at, linear)),
  );
}
