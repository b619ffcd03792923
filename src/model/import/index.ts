export { importHuggingFace } from './importHuggingFace.js';
export type {
  DecisionFits,
  ImportOptions,
  ImportProgress,
  ImportReport,
  PlanHuggingFaceOptions,
  SiteFigures,
  StageFigures,
} from './options.js';
export { planHuggingFace, type HuggingFacePlan } from './planHuggingFace.js';
export { readCalibration, type CalibrationUtterance } from './utterances.js';
