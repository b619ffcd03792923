import { join } from 'node:path';
import { messageOf, type Logger } from '../base/index.js';
import { parseEndpoint, type BrokerOptions } from '../broker/index.js';
import { readSecret, type Config } from '../config/index.js';
import { DeliveryStore, type DeliveriesOptions } from '../requests/index.js';
import { requestLogPath, type RequestLogOptions, type TelemetryOptions } from '../telemetry/index.js';

const outboxMs = 24 * 3600_000;
/** Engines that leave the GPU alone: its meter says nothing of them. */
const cpuEngines: readonly string[] = ['onnxruntime', 'none'];

/** @throws IntentdError `bad_config` where a secret cannot be read */
export function brokerOptions(config: Config, env: NodeJS.ProcessEnv): BrokerOptions {
  const { url, tls, passwordFile, passwordCredential, ...rest } = config.broker;
  return {
    ...rest,
    device: config.device,
    ...homeAssistantTopics(config.homeAssistant),
    password: readSecret({ file: passwordFile, credential: passwordCredential }, env),
    ...(url === undefined ? {} : { endpoint: parseEndpoint(url, tls) }),
  };
}

/** What is heard of Home Assistant, and where no sender may have an answer published. */
function homeAssistantTopics({ enabled, prefix, statusTopic }: Config['homeAssistant']) {
  return enabled ? { notices: [statusTopic], reserved: [`${prefix}/#`] } : {};
}

export function deliveriesOptions(config: Config): DeliveriesOptions {
  return { repeatMs: config.requests.duplicateSeconds * 1000, outboxMs };
}

function requestLogOptions(config: Config): RequestLogOptions {
  const { commitSeconds, maxPending, maxDays, maxMegabytes, maxWalMegabytes } = config.telemetry;
  return {
    path: requestLogPath(config.stateDir),
    commitMs: commitSeconds * 1000,
    maxPending,
    maxAgeMs: maxDays * 24 * 3600_000,
    maxBytes: maxMegabytes * 1e6,
    maxWalBytes: maxWalMegabytes * 1e6,
  };
}

export function telemetryOptions(config: Config): TelemetryOptions {
  const { enabled, meter, sampleMs, sysfs } = config.telemetry;
  return {
    enabled,
    requestLog: requestLogOptions(config),
    meter: { kind: meter, intervalMs: sampleMs, sysfs, gpu: !cpuEngines.includes(config.engine.kind) },
  };
}

/** Opens `delivery.db`; without it the agent serves, and forgets deliveries when it ends. */
export function openDeliveryStore(config: Config, log: Logger): DeliveryStore | undefined {
  try {
    return DeliveryStore.open(join(config.stateDir, 'delivery.db'));
  } catch (error) {
    log.error(
      { reason: messageOf(error) },
      'delivery.db cannot be opened: repeats and undelivered answers will not survive a restart',
    );
    return undefined;
  }
}
