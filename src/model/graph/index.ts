export { encoderToOnnx } from './encoderGraph.js';
export { headToOnnx } from './headGraph.js';
export type { EncoderGraphOptions, WeightForm } from './options.js';
