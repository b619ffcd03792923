import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import { IntentdError, type Answer, type Refusal } from '../base/index.js';
import { Topics } from '../broker/index.js';
import type { Config } from '../config/index.js';
import { connectMqtt } from './mqttClient.js';

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
  readonly #client: MqttClient;
  readonly #open = new Map<string, (payload: string) => void>();

  private constructor(config: Config, client: MqttClient) {
    this.#topics = new Topics(config.broker.prefix, config.device);
    this.#client = client;
  }

  /**
   * Connects to the configured broker, or to the embedded one of the agent on this machine.
   *
   * @param url another broker than the configured one
   *
   * @throws IntentdError `no_broker` where it cannot be reached
   */
  static async connect(config: Config, url = config.broker.url): Promise<Requester> {
    const requester = new Requester(config, await connectMqtt(config, url));
    await requester.#listen();
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

  async #listen(): Promise<void> {
    this.#client.on('error', () => undefined);
    this.#client.on('message', (_topic, payload) => {
      const text = payload.toString('utf8');
      const id = /^\{"id":"([^"]+)"/.exec(text)?.[1];
      if (id !== undefined) this.#open.get(id)?.(text);
    });
    await this.#client.subscribeAsync(this.#topics.response, { qos: 1 });
  }
}
