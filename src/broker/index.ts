export { Broker, type BrokerCounters, type BrokerOptions, type DeviceState } from './broker.js';
export * from './homeAssistant/index.js';
export { openSocket, parseEndpoint, type Endpoint } from './endpoint.js';
export { decodeHermes } from './hermes.js';
export type { Decoded, Dialect, Inbound, Outbound, Request } from './message.js';
export { decodeNative } from './native.js';
export { Outbox } from './outbox.js';
export { Backoff } from './backoff.js';
export { hermesTopics, isPlainTopic, matchesFilter, ResponseTopicRule, Topics } from './topics.js';
