import type { Command } from 'commander';
import { examples } from './examples.js';
import type { Io } from './io.js';
import { configOf, withSettings, type SettingOptions } from './settings.js';

/** `intentd home-assistant …` */
export function addHomeAssistant(program: Command, io: Io): void {
  const homeAssistant = program
    .command('home-assistant')
    .summary('take devices out of Home Assistant')
    .description('What an agent announces to Home Assistant over MQTT; see docs/home-assistant.md.');
  const remove = homeAssistant
    .command('remove')
    .summary('take a device and its entities out of Home Assistant')
    .description(
      'Take a device and its entities out of Home Assistant: removes the retained message that announces it ' +
        'from the broker. For devices that are gone, or whose agent has homeAssistant.enabled=false.',
    )
    .option('--json', 'print one JSON object {device, topic}');
  withSettings(remove)
    .addHelpText(
      'after',
      examples('intentd home-assistant remove --broker mqtt://broker.local --device kitchen'),
    )
    .action(async (options: SettingOptions & { json?: true }) => {
      const { device, enabled, topic } = await removeDevice(options);
      if (options.json === true) io.print(JSON.stringify({ device, topic }));
      else io.print(`${device} is taken out of Home Assistant (${topic}).`);
      if (enabled)
        io.note('Its agent announces it again when it starts: set homeAssistant.enabled to false.');
    });
}

async function removeDevice(options: SettingOptions) {
  const [{ config }, { discoveryTopic }, { connectMqtt }] = await Promise.all([
    configOf(options),
    import('../broker/index.js'),
    import('./mqttClient.js'),
  ]);
  const { device, homeAssistant } = config;
  const topic = discoveryTopic(homeAssistant.prefix, device);
  const client = await connectMqtt(config);
  try {
    await client.publishAsync(topic, '', { qos: 1, retain: true });
  } finally {
    await client.endAsync();
  }
  return { device, topic, enabled: homeAssistant.enabled };
}
