import { describe, expect, it } from 'vitest';
import { Topics, discoveryPayload, discoveryTopic, intentEvent } from '../../src/broker/index.js';
import { answerOf } from '../support/answers.js';
import { documented, faultsOf, type DiscoveryMessage } from '../support/homeAssistantFields.js';
import { missingPython, runPython } from '../support/python.js';

const intents = ['lights_on', 'weather'];

function messageFor(device: string): DiscoveryMessage {
  const topics = new Topics('intentd', device);
  return JSON.parse(discoveryPayload({ device, version: '1.2.3', topics, intents })) as DiscoveryMessage;
}

const { components } = messageFor('kitchen');

describe('the discovery message for Home Assistant', () => {
  it('has the topic and every field that the documentation requires, and none that it does not know', () => {
    expect(faultsOf(discoveryTopic('homeassistant', 'kitchen'), messageFor('kitchen'))).toEqual([]);
  });

  it('names power, energy, latency, rate, intents, connectivity, engine, model and update', () => {
    const platforms = Object.fromEntries(
      Object.entries(components).map(([key, { platform }]) => [key, platform]),
    );
    expect(platforms).toMatchObject({
      ...{
        power: 'sensor',
        energy: 'sensor',
        p95: 'sensor',
        rate: 'sensor',
        model: 'sensor',
        engine: 'sensor',
      },
      ...{ intent: 'event', connectivity: 'binary_sensor', update: 'update' },
    });
    expect(components['p95']).toMatchObject({ device_class: 'duration', unit_of_measurement: 'ms' });
  });

  it('takes the topics of the protocol', () => {
    expect(components['update']).toMatchObject({
      state_topic: 'intentd/kitchen/update/state',
      command_topic: 'intentd/kitchen/update',
      payload_install: '{"action":"install"}',
    });
    expect(components['power']!['state_topic']).toBe('intentd/kitchen/metrics');
  });

  it('of two devices has no topic, identifier, unique id or state topic in common', () => {
    const [one, other] = ['kitchen', 'garage'].map((device) => {
      const { device: about, components: all } = messageFor(device);
      const entities = Object.values(all).flatMap((entity) => [entity['unique_id'], entity['state_topic']]);
      return [discoveryTopic('homeassistant', device), about['identifiers'], entities].flat(2);
    });
    expect(one!.filter((name) => other!.includes(name))).toEqual([]);
    expect(new Set(one!.slice(2).filter((_, at) => at % 2 === 0)).size).toBe(Object.keys(components).length);
  });

  it('lists as event types whatever an event may say', () => {
    const types = components['intent']!['event_types'];
    for (const intent of ['weather', null]) {
      const event = JSON.parse(intentEvent(answerOf({ intent }))) as Record<string, unknown>;
      expect(types).toContain(event['event_type']);
      expect(JSON.stringify(event)).not.toContain('text');
    }
  });
});

const noJinja = missingPython('jinja2');

describe.skipIf(noJinja !== undefined)('the templates, rendered as Home Assistant does', () => {
  function render(entity: string, value: unknown, field = 'value_template'): string {
    const template = components[entity]![field];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const script = new URL('../python/render_templates.py', import.meta.url);
    return (JSON.parse(runPython(script, [], JSON.stringify([{ template, value: text }]))) as string[])[0]!;
  }

  const metrics = { ratePerSecond: 2.5, p95Ms: 3.25, energyMj: 4.5, railsW: { VDD_IN: 5, total: 5.5 } };
  const unknown = { ratePerSecond: 0, p95Ms: null, energyMj: null, railsW: null };

  it('take figures out of metrics, and None, which is unknown, where there is nothing', () => {
    const figures = ['power', 'energy', 'p95', 'rate'];
    expect(figures.map((entity) => render(entity, metrics))).toEqual(['5.5', '4.5', '3.25', '2.5']);
    expect(figures.map((entity) => render(entity, unknown))).toEqual(['None', 'None', 'None', '0']);
  });

  it('are on while the agent is anything but gone', () => {
    const states = ['online', 'degraded', 'offline'];
    expect(states.map((state) => render('connectivity', state))).toEqual(['ON', 'ON', 'OFF']);
    const [{ value_template: template }] = components['power']!['availability'] as [
      { value_template: string },
    ];
    const script = new URL('../python/render_templates.py', import.meta.url);
    const input = JSON.stringify(states.map((value) => ({ template, value })));
    expect(JSON.parse(runPython(script, [], input))).toEqual(['online', 'online', 'offline']);
  });

  it('name the default model and its engine', () => {
    const one = {
      id: 'a',
      version: '1.0.0',
      engine: 'onnxruntime',
      engineVersion: '1.30.0',
      precision: 'int8',
    };
    const info = {
      models: [
        { ...one, id: 'other', default: false },
        { ...one, default: true },
      ],
    };
    expect([render('model', info), render('engine', info)]).toEqual(['a 1.0.0', 'onnxruntime 1.30.0, int8']);
  });

  it.each([
    [
      { phase: 'idle', installed: '1.0.0' },
      { installed_version: '1.0.0', latest_version: '1.0.0', in_progress: false, update_percentage: null },
    ],
    [
      { phase: 'checking', installed: '1.0.0', available: '1.1.0', percent: 10 },
      { installed_version: '1.0.0', latest_version: '1.1.0', in_progress: false, update_percentage: null },
    ],
    [
      { phase: 'downloading', installed: '1.0.0', available: '1.1.0', percent: 0 },
      { installed_version: '1.0.0', latest_version: '1.1.0', in_progress: true, update_percentage: 0 },
    ],
    [
      { phase: 'building', installed: '1.0.0', available: '1.1.0', percent: 40 },
      { installed_version: '1.0.0', latest_version: '1.1.0', in_progress: true, update_percentage: 40 },
    ],
    [
      { phase: 'probation', installed: '1.1.0', available: '1.1.0' },
      { installed_version: '1.1.0', latest_version: '1.1.0', in_progress: true, update_percentage: null },
    ],
    [
      { phase: 'idle', installed: null, error: { code: 'unreachable', message: 'no network' } },
      {
        installed_version: 'unknown',
        latest_version: 'unknown',
        in_progress: false,
        update_percentage: null,
      },
    ],
  ])('make of the update state %j what Home Assistant takes', (state, expected) => {
    const rendered = JSON.parse(render('update', state)) as Record<string, unknown>;
    expect(rendered).toEqual(expected);
    for (const [field, value] of Object.entries(rendered)) {
      expect(documented.updateState[field]).toContain(value === null ? 'null' : typeof value);
    }
  });
});
