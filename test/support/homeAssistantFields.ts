/**
 * What Home Assistant's documentation (home-assistant.io/integrations, read on 2026-11-24) asks of MQTT discovery, by
 * page. A field that is not in `known` is ignored by Home Assistant: here it is a mistake.
 */
export const documented = {
  /** Page "MQTT", sections "Discovery topic" and "Device discovery payload". */
  device: {
    topic: /^[^+#]+\/device\/[a-zA-Z0-9_-]+\/config$/,
    required: ['device', 'origin', 'components'],
    /** One of them identifies the device. */
    identified: ['identifiers', 'connections'],
    originRequired: ['name'],
    /** "Also required is a unique_id for entity-based components." */
    componentRequired: ['platform', 'unique_id'],
  },
  /** Pages "MQTT Sensor", "MQTT binary sensor", "MQTT Event" and "MQTT Update": `required: true`, and the rest we use. */
  platforms: {
    sensor: {
      required: ['platform', 'state_topic'],
      known: [
        ...['device_class', 'expire_after', 'json_attributes_topic', 'options', 'state_class'],
        ...['suggested_display_precision', 'unit_of_measurement', 'value_template'],
      ],
    },
    binary_sensor: {
      required: ['platform', 'state_topic'],
      known: ['device_class', 'payload_off', 'payload_on', 'value_template'],
    },
    event: { required: ['platform', 'state_topic', 'event_types'], known: ['value_template'] },
    update: {
      required: ['platform'],
      known: [
        'command_topic',
        'json_attributes_topic',
        'payload_install',
        'state_topic',
        'title',
        'value_template',
      ],
    },
  },
  common: ['availability', 'entity_category', 'icon', 'name', 'unique_id'],
  /** "When set, the entity category must be `diagnostic` for sensors." */
  onlyDiagnostic: ['sensor', 'binary_sensor'],
  availabilityRequired: ['topic'],
  /** Page "Sensor", section "Device class": the units that each of ours may have. */
  units: {
    power: ['mW', 'W', 'kW', 'MW', 'GW', 'TW'],
    duration: ['d', 'h', 'min', 's', 'ms', 'µs'],
  } as Readonly<Record<string, readonly string[]>>,
  /** Page "MQTT Update": the values of the JSON; anything else makes Home Assistant throw it away. */
  updateState: {
    installed_version: ['string'],
    latest_version: ['string'],
    in_progress: ['boolean'],
    update_percentage: ['number', 'null'],
  } as Readonly<Record<string, readonly string[]>>,
} as const;

export interface DiscoveryMessage {
  readonly device: Readonly<Record<string, unknown>>;
  readonly origin: Readonly<Record<string, unknown>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What of the documentation a message breaks; nothing where all is well. */
export function faultsOf(topic: string, message: DiscoveryMessage): string[] {
  const { device } = documented;
  return [
    ...(device.topic.test(topic) ? [] : [`topic ${topic}`]),
    ...missing(message, device.required),
    ...(device.identified.some((field) => field in message.device) ? [] : ['device: neither identifier']),
    ...missing(message.origin, device.originRequired),
    ...Object.entries(message.components).flatMap(([key, component]) =>
      componentFaults(component).map((fault) => `${key}: ${fault}`),
    ),
  ];
}

function componentFaults(component: Readonly<Record<string, unknown>>): string[] {
  const platform = documented.platforms[component['platform'] as keyof typeof documented.platforms];
  const known: readonly string[] = [...platform.required, ...platform.known, ...documented.common];
  const availability = (component['availability'] ?? []) as object[];
  return [
    ...missing(component, [...documented.device.componentRequired, ...platform.required]),
    ...Object.keys(component).flatMap((field) =>
      known.includes(field) ? [] : [`${field} is not documented`],
    ),
    ...availability.flatMap((one) => missing(one, documented.availabilityRequired)),
    ...classFaults(component),
  ];
}

function classFaults(component: Readonly<Record<string, unknown>>): string[] {
  const { device_class: kind, entity_category: category, platform } = component;
  const faults: string[] = [];
  if (
    documented.onlyDiagnostic.some((one) => one === platform) &&
    ![undefined, 'diagnostic'].includes(category as never)
  ) {
    faults.push(`entity_category ${String(category)}`);
  }
  const units = documented.units[String(kind)];
  if (units !== undefined && !units.includes(String(component['unit_of_measurement']))) faults.push('unit');
  // "The sensor's device_class must be set to enum. [options] cannot be used with state_class or unit_of_measurement."
  const clashes = 'state_class' in component || 'unit_of_measurement' in component || kind !== 'enum';
  if ('options' in component && clashes) faults.push('options');
  return faults;
}

function missing(message: object, fields: readonly string[]): string[] {
  return fields.filter((field) => !(field in message)).map((field) => `${field} is missing`);
}
