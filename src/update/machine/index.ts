export { actsOf, advance, currentPhase } from './advance.js';
export { digestOf } from './job.js';
export { phaseOf, transitions, type Transition } from './table.js';
export * from './state.js';
