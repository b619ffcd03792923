import { randomUUID } from 'node:crypto';
import { MqttClient } from 'mqtt';
import { IntentdError, messageOf } from '../base/index.js';
import { openSocket, parseEndpoint } from '../broker/index.js';
import { readSecret, type Config } from '../config/index.js';

/**
 * Connects to the configured broker, or to the embedded one of the agent on this machine. The connection
 * does not come back by itself.
 *
 * @param url another broker than the configured one
 *
 * @throws IntentdError `no_broker` where it cannot be reached
 */
export async function connectMqtt(config: Config, url = config.broker.url): Promise<MqttClient> {
  const { embeddedPort, passwordFile, passwordCredential, tls, username } = config.broker;
  const endpoint = url === undefined ? { host: '127.0.0.1', port: embeddedPort } : parseEndpoint(url, tls);
  const password = readSecret({ file: passwordFile, credential: passwordCredential }, process.env);
  const client = new MqttClient(() => openSocket(endpoint), {
    clientId: `intentd-cli-${randomUUID().slice(0, 8)}`,
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 30,
    connectTimeout: 5000,
    reconnectPeriod: 0,
    manualConnect: true,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  try {
    await connected(client);
  } catch (cause) {
    const { host, port } = endpoint;
    throw new IntentdError(
      'no_broker',
      `No broker answers at ${host}:${port} (${messageOf(cause)}): is the agent running? Start it with: intentd run`,
      { cause },
    );
  }
  return client;
}

function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => {
      resolve();
    });
    client.once('error', reject);
    client.once('close', () => {
      reject(new Error('the connection was closed'));
    });
    client.connect();
  });
}
