import type { MqttClient } from 'mqtt';
import { Topics } from '../../broker/index.js';
import type { Config } from '../../config/index.js';
import { connectMqtt } from '../mqttClient.js';
import type { Reply } from '../requester.js';

export type Qos = 0 | 1;

/** What came of one request. */
export interface Outcome {
  /** From publishing to its answer, in milliseconds, at this client. */
  readonly roundTripMs: number;
  readonly reply: Reply;
}

interface Open {
  readonly sentAt: number;
  readonly settle: (outcome: Outcome) => void;
}

/** A client that sends requests to an agent as fast as it is told to, and times their answers. */
export class LoadClient {
  readonly #client: MqttClient;
  readonly #topics: Topics;
  readonly #open = new Map<string, Open>();
  /** Ids must differ from those of other clients and of earlier runs: the agent knows repeats. */
  readonly #run = `${process.pid}-${Date.now()}`;
  #sent = 0;
  #unasked = 0;

  private constructor(client: MqttClient, topics: Topics) {
    this.#client = client;
    this.#topics = topics;
  }

  /** @throws IntentdError `no_broker` */
  static async connect(config: Config, url: string): Promise<LoadClient> {
    const topics = new Topics(config.broker.prefix, config.device);
    const load = new LoadClient(await connectMqtt(config, url), topics);
    await load.#listen();
    return load;
  }

  /** Requests that wait for their answer. */
  get outstanding(): number {
    return this.#open.size;
  }

  /** Answers that no open request asked for: second answers, or answers after we gave up. */
  get unasked(): number {
    return this.#unasked;
  }

  /** Publishes one request; `settle` hears of its answer. */
  send(request: { text: string; deadlineMs: number }, qos: Qos, settle: (outcome: Outcome) => void): void {
    this.#sent += 1;
    const id = `${this.#run}-${this.#sent}`;
    const payload = JSON.stringify({ ...request, id });
    this.#open.set(id, { sentAt: performance.now(), settle });
    this.#client.publish(this.#topics.request, payload, { qos });
  }

  /** Waits until every request has its answer, at most `withinMs`; gives how many have none. */
  async settled(withinMs: number): Promise<number> {
    const until = performance.now() + withinMs;
    while (this.#open.size > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const silent = this.#open.size;
    this.#open.clear();
    return silent;
  }

  async close(): Promise<void> {
    await this.#client.endAsync();
  }

  async #listen(): Promise<void> {
    this.#client.on('message', (_topic, payload) => {
      const arrivedAt = performance.now();
      const reply = JSON.parse(payload.toString('utf8')) as Reply & { readonly id: string };
      const open = this.#open.get(reply.id);
      if (open === undefined) {
        if (reply.id.startsWith(this.#run)) this.#unasked += 1;
        return;
      }
      this.#open.delete(reply.id);
      open.settle({ roundTripMs: arrivedAt - open.sentAt, reply });
    });
    await this.#client.subscribeAsync(this.#topics.response, { qos: 1 });
  }
}
