export {
  linearName,
  linearShape,
  planSparsity,
  prunableLayers,
  type PlannedShape,
  type PlanOptions,
  type SparsityGroup,
  type SparsityPlan,
} from './plan.js';
export { prune24 } from './prune.js';
export { parseSensitivities, pruningError } from './sensitivity.js';
