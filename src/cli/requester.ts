import { randomUUID } from 'node:crypto';
import { MqttClient } from 'mqtt';
import { IntentdError, messageOf, type Answer, type Refusal } from '../base/index.js';
import { Topics, openSocket, parseEndpoint, type Endpoint } from '../broker/index.js';
import { readSecret, type Config } from '../config/index.js';

/** What the agent answered. */
export type Reply = Answer | { readonly error: Refusal };

/** What may be asked with an utterance. */
export interface Question {
  readonly text: string;
  readonly model?: string;
  readonly topK?: number;
  readonly deadlineMs?: number;
}

/** A client of a running agent, over MQTT as any other client's. */
export class Requester {
  readonly #topics: Topics;
  readonly #endpoint: Endpoint;
  readonly #client: MqttClient;
  readonly #open = new Map<string, (payload: string) => void>();

  private constructor(config: Config, endpoint: Endpoint) {
    this.#topics = new Topics(config.broker.prefix, config.device);
    this.#endpoint = endpoint;
    const { passwordFile, passwordCredential, username } = config.broker;
    const password = readSecret({ file: passwordFile, credential: passwordCredential }, process.env);
    this.#client = new MqttClient(() => openSocket(endpoint), {
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
  }

  /**
   * Connects to the configured broker, or to the embedded one of the agent on this machine.
   *
   * @param url another broker than the configured one
   *
   * @throws IntentdError `no_broker` where it cannot be reached
   */
  static async connect(config: Config, url = config.broker.url): Promise<Requester> {
    const { tls, embeddedPort } = config.broker;
    const endpoint = url === undefined ? { host: '127.0.0.1', port: embeddedPort } : parseEndpoint(url, tls);
    const requester = new Requester(config, endpoint);
    await requester.#connect();
    return requester;
  }

  /**
   * Asks, and waits for the answer.
   *
   * @throws IntentdError `no_answer` where none comes in time
   */
  async ask(question: Question, options: { qos?: 0 | 1; withinMs?: number } = {}): Promise<Reply> {
    const { qos = 1, withinMs = 5000 } = options;
    const id = randomUUID();
    const answered = new Promise<string>((resolve, reject) => {
      const patience = setTimeout(() => {
        this.#open.delete(id);
        reject(
          new IntentdError(
            'no_answer',
            `No answer came within ${withinMs} ms on ${this.#topics.response}: does an agent with that device id run? (--device names another)`,
          ),
        );
      }, withinMs);
      this.#open.set(id, (payload) => {
        clearTimeout(patience);
        this.#open.delete(id);
        resolve(payload);
      });
    });
    this.#client.publish(this.#topics.request, JSON.stringify({ ...question, id }), { qos });
    return JSON.parse(await answered) as Reply;
  }

  async close(): Promise<void> {
    await this.#client.endAsync();
  }

  async #connect(): Promise<void> {
    const { host, port } = this.#endpoint;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#client.once('connect', () => {
          resolve();
        });
        this.#client.once('error', reject);
        this.#client.once('close', () => {
          reject(new Error('the connection was closed'));
        });
        this.#client.connect();
      });
    } catch (cause) {
      throw new IntentdError(
        'no_broker',
        `No broker answers at ${host}:${port} (${messageOf(cause)}): is the agent running? Start it with: intentd run`,
        { cause },
      );
    }
    this.#client.on('error', () => undefined);
    this.#client.on('message', (_topic, payload) => {
      const text = payload.toString('utf8');
      const id = /^\{"id":"([^"]+)"/.exec(text)?.[1];
      if (id !== undefined) this.#open.get(id)?.(text);
    });
    await this.#client.subscribeAsync(this.#topics.response, { qos: 1 });
  }
}
