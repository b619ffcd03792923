export {
  groupings,
  RequestLogReader,
  type Grouping,
  type RequestFilter,
  type RequestStats,
  type StoredRow,
} from './reader.js';
export { RequestLog, type RequestLogCounters, type RequestLogOptions } from './requestLog.js';
export { RecentRequests, type RecentFigures } from './recent.js';
export { requestLogPath, type RequestRow } from './row.js';
export * from './meter/index.js';
export * from './energy/index.js';
