export {
  createRules,
  scoreKinds,
  scoreKindsOf,
  type DecidedHead,
  type DecisionParameters,
  type DecisionRules,
  type ScoreKind,
} from './rules.js';
export { outOfScopeScore, type Outputs } from './score.js';
export { decide, type DecideOptions, type Decision } from './decide.js';
export { fitTemperature, fitThreshold, negativeLogLikelihood, type LabelledLogits } from './fitting.js';
export { auroc, aurocInterval, type BootstrapOptions, type Interval } from './auroc.js';
export {
  calibrationError,
  measure,
  recallAt,
  type ConfusedPair,
  type Figures,
  type Judged,
} from './figures.js';
