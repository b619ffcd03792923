import { connectAsync, type MqttClient } from 'mqtt';

interface Reply {
  readonly id: string;
  readonly error?: { readonly code: string };
  readonly model?: { readonly version: string };
}

/** Requests over MQTT without pause, so many open at a time, and what came of each. */
export class SteadyLoad {
  /** By request: the versions that answered it, or the codes of its errors, in the order in which they came. */
  readonly said = new Map<string, string[]>();
  readonly #mqtt: MqttClient;
  readonly #topic: string;
  readonly #text: string;
  #sent = 0;
  #on = true;

  private constructor(mqtt: MqttClient, topic: string, text: string) {
    this.#mqtt = mqtt;
    this.#topic = topic;
    this.#text = text;
  }

  static async start(
    agent: { readonly url: string; readonly device: string },
    { open = 8, text = 'play my music' } = {},
  ): Promise<SteadyLoad> {
    const mqtt = await connectAsync(agent.url);
    const load = new SteadyLoad(mqtt, `intentd/${agent.device}/request`, text);
    mqtt.on('message', (_topic, payload) => {
      const { id, error, model } = JSON.parse(payload.toString()) as Reply;
      load.said.set(id, [...(load.said.get(id) ?? []), error?.code ?? model!.version]);
      if (load.#on) load.#send();
    });
    await mqtt.subscribeAsync(`intentd/${agent.device}/response`, { qos: 1 });
    for (let at = 0; at < open; at++) load.#send();
    return load;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Versions and codes that were said, each once. */
  get all(): Set<string> {
    return new Set([...this.said.values()].flat());
  }

  /** What was said last. */
  get last(): string | undefined {
    return [...this.said.values()].at(-1)?.[0];
  }

  /** Waits until so many more requests are answered. */
  async more(count: number): Promise<void> {
    const until = this.said.size + count;
    while (this.said.size < until) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Sends no more, waits for what is open, and gives how many requests have no answer, or more than one. */
  async finish(): Promise<{ readonly lost: number; readonly twice: number }> {
    this.#on = false;
    const until = performance.now() + 10_000;
    while (this.said.size < this.#sent && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.#mqtt.endAsync(true);
    const twice = [...this.said.values()].filter((said) => said.length > 1).length;
    return { lost: this.#sent - this.said.size, twice };
  }

  #send(): void {
    this.#sent += 1;
    const request = JSON.stringify({ text: this.#text, id: `load-${this.#sent}` });
    this.#mqtt.publish(this.#topic, request, { qos: 1 });
  }
}
