export * from './energy/index.js';
export { Histogram } from './histogram.js';
export * from './meter/index.js';
export { RequestLogReader, type StoredMeter, type StoredRow } from './reader.js';
export { RecentRequests, type RecentFigures } from './recent.js';
export { RequestLog, type RequestLogCounters, type RequestLogOptions } from './requestLog.js';
export {
  Telemetry,
  type BuildNote,
  type MeterReport,
  type TelemetryOptions,
  type UpdateNote,
} from './telemetry.js';
export { requestLogPath, unmeasured, type RequestRow } from './row.js';
export type { Happening } from './store/happenings.js';
export type { RequestFilter } from './store/filter.js';
export type { Note, PowerSecond } from './store/notes.js';
export type { PowerFigures, PowerRange, PowerRow, RailPower } from './store/powerQuery.js';
export type { Grouping, RequestStats } from './store/statsQuery.js';
export type { AgentCounters, AgentView, UpdateView } from './web/agentView.js';
export { Web } from './web/web.js';
export type { Answered, SiteOptions, SiteSources } from './web/site.js';
