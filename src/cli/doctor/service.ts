import { existsSync, statSync } from 'node:fs';
import { messageOf } from '../../base/index.js';
import type { Config } from '../../config/index.js';
import { Topics, hermesTopics } from '../../broker/index.js';
import { readBundle } from '../../model/index.js';
import { RequestLogReader, requestLogPath } from '../../telemetry/index.js';
import { bytes } from '../format.js';
import { connectMqtt } from '../mqttClient.js';
import { Requester } from '../requester.js';
import { failure, ok, warning, type Finding } from './finding.js';

/** Whether the broker takes our connection, and whether an agent answers there. */
export async function brokerAndAgent(config: Config): Promise<Finding[]> {
  const where = config.broker.url ?? `the embedded broker's port ${config.broker.embeddedPort}`;
  let requester: Requester;
  try {
    requester = await Requester.connect(config);
  } catch (error) {
    return [
      config.broker.url === undefined
        ? ok('broker', 'none is configured, and no agent with an embedded one runs: intentd run starts one')
        : failure('broker', messageOf(error), 'Check broker.url, username, password and certificates.'),
    ];
  }
  try {
    return [
      ok('broker', `reached at ${where}`),
      ...(config.broker.url === undefined ? [] : [await brokerTopics(config)]),
      await agent(requester, config),
    ];
  } finally {
    await requester.close();
  }
}

/** Whether the broker lets this user hear what an agent has to hear. */
async function brokerTopics(config: Config): Promise<Finding> {
  const { prefix, pools, hermes } = config.broker;
  const topics = new Topics(prefix, config.device);
  const wanted = [
    topics.request,
    ...pools.map((group) => topics.poolSubscription(group)),
    ...(hermes.enabled ? [hermesTopics.query] : []),
  ];
  const client = await connectMqtt(config);
  client.on('error', () => undefined);
  const denied: string[] = [];
  for (const topic of wanted) {
    await client.subscribeAsync(topic, { qos: 1 }).catch(() => denied.push(topic));
  }
  await client.endAsync();
  return denied.length === 0
    ? ok('broker topics', `${wanted.length} may be heard`)
    : failure('broker topics', `denied: ${denied.join(', ')}`, 'Allow them to this user at the broker.');
}

async function agent(requester: Requester, config: Config): Promise<Finding> {
  try {
    const reply = await requester.ask({ text: 'hello' }, { withinMs: 2000 });
    if ('error' in reply) return failure('agent', reply.error.message, 'See its log.');
    return ok('agent', `${config.device} answers in ${reply.latencyMs.total.toFixed(1)} ms`);
  } catch (error) {
    return warning('agent', messageOf(error), 'Start it with: intentd run');
  }
}

export async function bundle(folder: string): Promise<Finding> {
  try {
    const { id, version } = (await readBundle(folder)).manifest;
    return ok('bundle', `${id} ${version} is whole`);
  } catch (error) {
    return failure(
      'bundle',
      messageOf(error),
      'Copy the bundle again, or configure another in model.bundles.',
    );
  }
}

export function requestLog({ stateDir, telemetry }: Config): Finding {
  const path = requestLogPath(stateDir);
  if (!existsSync(path)) return ok('request log', 'none yet');
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (wal > telemetry.maxWalMegabytes * 1e6) {
    return warning(
      'request log',
      `its write-ahead log has ${bytes(wal)}`,
      'Some program holds a long read on it, and writing waits until that ends.',
    );
  }
  try {
    const reader = new RequestLogReader(path);
    const [all] = reader.stats({});
    reader.close();
    return ok('request log', `${all?.count ?? 0} requests, ${bytes(statSync(path).size)}`);
  } catch (error) {
    return warning('request log', messageOf(error), 'The agent sets a broken one aside and begins anew.');
  }
}
