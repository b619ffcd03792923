import { connectAsync, type MqttClient } from 'mqtt';

/** A client that sends requests, keeps every answer to each, and can send again what has none. */
export class Sender {
  /** Payloads of the answers by the request's id, in the order in which they came. */
  readonly answers = new Map<string, string[]>();
  readonly #requests = new Map<string, string>();
  readonly #topic: string;
  readonly #mqtt: MqttClient;

  private constructor(mqtt: MqttClient, topic: string) {
    this.#mqtt = mqtt;
    this.#topic = topic;
  }

  /** @param base what stands before `/request` and `/response` */
  static async connect(url: string, base: string): Promise<Sender> {
    const mqtt = await connectAsync(url, { reconnectPeriod: 100, connectTimeout: 1000 });
    const sender = new Sender(mqtt, `${base}/request`);
    // What fails shows in the answers that do not come.
    mqtt.on('error', () => undefined);
    mqtt.on('message', (_topic, payload) => {
      const text = payload.toString();
      const { id } = JSON.parse(text) as { id: string };
      sender.answers.set(id, [...(sender.answers.get(id) ?? []), text]);
    });
    await mqtt.subscribeAsync(`${base}/response`, { qos: 1 });
    return sender;
  }

  get sent(): number {
    return this.#requests.size;
  }

  /** Ids of the requests without an answer. */
  get open(): string[] {
    return [...this.#requests.keys()].filter((id) => !this.answers.has(id));
  }

  send(count = 1): void {
    for (let at = 0; at < count; at++) {
      const id = `request-${this.#requests.size}`;
      this.#requests.set(id, JSON.stringify({ text: 'crack a joke for the two of us', id }));
      this.#publish(id);
    }
  }

  /** Sends once more what has no answer, word for word. */
  sendAgain(): void {
    if (this.#mqtt.connected) for (const id of this.open) this.#publish(id);
  }

  /** Sends everything once more, word for word, answered or not. */
  repeatAll(): void {
    for (const id of this.#requests.keys()) this.#publish(id);
  }

  /** Waits until no request is open; gives up quietly after a while. */
  async settled(withinMs: number, open = 0): Promise<void> {
    const until = performance.now() + withinMs;
    while (this.open.length > open && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async close(): Promise<void> {
    await this.#mqtt.endAsync(true);
  }

  #publish(id: string): void {
    this.#mqtt.publish(this.#topic, this.#requests.get(id)!, { qos: 1 });
  }
}
