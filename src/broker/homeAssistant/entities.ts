import type { Topics } from '../topics.js';

/** One entity of a device, as Home Assistant's MQTT discovery names its fields. */
export type Entity = Readonly<Record<string, unknown>> & { readonly platform: string };

/** The event type of an utterance that no intent fits. */
export const outOfScopeEvent = 'out_of_scope';

/** Figures come every ten seconds: without any for so long the agent is stuck. */
const expireAfterSeconds = 60;

/** Whatever the agent says of itself but that it is gone. */
const alive = "{{ 'offline' if value == 'offline' else 'online' }}";
const defaultModel = "{% set model = value_json.models | selectattr('default') | first %}";

/**
 * The entities of an agent by key. What is `null` in our messages is unknown in Home Assistant.
 *
 * @param intents event types of the entity for the last intent, beside {@link outOfScopeEvent}
 */
export function entitiesOf(topics: Topics, intents: readonly string[]): Record<string, Entity> {
  const shown = { ...figures(topics), intent: intentEvent(topics, intents), ...diagnostics(topics) };
  const availability = [{ topic: topics.state, value_template: alive }];
  const entities = Object.entries<Entity>({ ...shown, update: update(topics) });
  return {
    ...Object.fromEntries(entities.map(([key, entity]) => [key, { ...entity, availability }])),
    // An agent that is gone is `off` here, not unavailable.
    connectivity: connectivity(topics),
  };
}

function figures({ metrics }: Topics): Record<string, Entity> {
  const figure = (name: string, value: string, more: object): Entity => ({
    platform: 'sensor',
    name,
    state_topic: metrics,
    value_template: `{{ ${value} }}`,
    state_class: 'measurement',
    expire_after: expireAfterSeconds,
    ...more,
  });
  return {
    power: figure('Power', 'value_json.railsW.total if value_json.railsW else none', {
      device_class: 'power',
      unit_of_measurement: 'W',
      suggested_display_precision: 2,
    }),
    // The device class `energy` knows no mJ and takes no measurement that is not a total.
    energy: figure('Energy per utterance', 'value_json.energyMj', {
      unit_of_measurement: 'mJ',
      icon: 'mdi:lightning-bolt',
      suggested_display_precision: 2,
    }),
    p95: figure('Latency (p95)', 'value_json.p95Ms', {
      device_class: 'duration',
      unit_of_measurement: 'ms',
      suggested_display_precision: 2,
    }),
    rate: figure('Requests', 'value_json.ratePerSecond', {
      unit_of_measurement: '1/s',
      icon: 'mdi:message-processing',
      suggested_display_precision: 1,
    }),
  };
}

function intentEvent({ intent }: Topics, intents: readonly string[]): Entity {
  return {
    platform: 'event',
    name: 'Intent',
    state_topic: intent,
    event_types: [...new Set([...intents, outOfScopeEvent])],
    icon: 'mdi:message-text',
  };
}

function diagnostics({ engine, info, state }: Topics): Record<string, Entity> {
  const diagnostic = (name: string, topic: string, more: object): Entity => ({
    platform: 'sensor',
    name,
    state_topic: topic,
    entity_category: 'diagnostic',
    ...more,
  });
  return {
    model: diagnostic('Model', info, {
      value_template: `${defaultModel}{{ model.id }} {{ model.version }}`,
      icon: 'mdi:brain',
    }),
    engine: diagnostic('Engine', info, {
      value_template: `${defaultModel}{{ model.engine }} {{ model.engineVersion }}, {{ model.precision }}`,
      icon: 'mdi:chip',
    }),
    enginePhase: diagnostic('Engine phase', engine, {
      value_template: '{{ value_json.phase }}',
      device_class: 'enum',
      options: ['building', 'ready', 'failed'],
      json_attributes_topic: engine,
    }),
    health: diagnostic('Health', state, { device_class: 'enum', options: ['online', 'degraded', 'offline'] }),
  };
}

function connectivity({ state }: Topics): Entity {
  return {
    platform: 'binary_sensor',
    name: 'Connectivity',
    state_topic: state,
    value_template: "{{ 'OFF' if value == 'offline' else 'ON' }}",
    device_class: 'connectivity',
    entity_category: 'diagnostic',
  };
}

/**
 * Home Assistant throws away a state with a field that it does not know, or with `null` where a text belongs. Only
 * looking for updates installs nothing; how far a phase is may be unknown.
 */
const updateState = [
  "{% set installed = value_json.installed | default('unknown', true) | string %}",
  '{% set latest = value_json.available | default(installed, true) | string %}',
  '{% set percent = value_json.percent | default(none) %}',
  "{% set running = value_json.phase not in ['idle', 'checking'] %}",
  "{{ {'installed_version': installed, 'latest_version': latest, 'in_progress': running,",
  " 'update_percentage': percent if running and percent is number else none} | to_json }}",
].join('');

function update(topics: Topics): Entity {
  return {
    platform: 'update',
    name: 'Model update',
    title: 'intentd model',
    state_topic: topics.updateState,
    value_template: updateState,
    json_attributes_topic: topics.updateState,
    command_topic: topics.update,
    payload_install: JSON.stringify({ action: 'install' }),
    entity_category: 'config',
  };
}
