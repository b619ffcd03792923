import type { Topics } from '../topics.js';
import { entitiesOf } from './entities.js';

export interface DiscoveredAgent {
  readonly device: string;
  /** The agent's version. */
  readonly version: string;
  readonly topics: Topics;
  /** Every intent that an answer may name. */
  readonly intents: readonly string[];
}

/**
 * Where Home Assistant looks for the device: its documentation's "MQTT", "Device discovery payload".
 *
 * @param prefix the discovery prefix of Home Assistant's MQTT options
 */
export function discoveryTopic(prefix: string, device: string): string {
  return `${prefix}/device/${identifierOf(device)}/config`;
}

/** One device with all its entities, as JSON. */
export function discoveryPayload({ device, version, topics, intents }: DiscoveredAgent): string {
  const id = identifierOf(device);
  const entities = Object.entries(entitiesOf(topics, intents));
  return JSON.stringify({
    device: {
      identifiers: [id],
      name: device,
      manufacturer: 'intentd',
      model: 'On-device intent recognition',
      sw_version: version,
    },
    origin: { name: 'intentd', sw_version: version },
    qos: 1,
    components: Object.fromEntries(
      entities.map(([key, entity]) => [key, { ...entity, unique_id: `${id}_${key}` }]),
    ),
  });
}

/** Another product's device on the same broker may have the same name. */
function identifierOf(device: string): string {
  return `intentd_${device}`;
}
