export { Downloads } from './downloads.js';
export { Schedule, nextCheckMs } from './schedule.js';
export { Updates, type UpdatesParts } from './updates.js';
export type { UpdateView } from './view.js';
