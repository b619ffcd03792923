export { callAgent, type CallOptions } from './client.js';
export type {
  ControlArguments,
  ControlCommand,
  ControlHandlers,
  ControlResult,
  EngineStatus,
  ModelChange,
  Progress,
  ServedBundle,
} from './messages.js';
export { ControlServer } from './server.js';
export { controlSockets } from './sockets.js';
