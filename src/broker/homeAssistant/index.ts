export { discoveryPayload, discoveryTopic, type DiscoveredAgent } from './discovery.js';
export { intentEvent } from './event.js';
