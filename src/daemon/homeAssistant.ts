import { join } from 'node:path';
import { z } from 'zod';
import {
  isMissingFile,
  messageOf,
  parseJson,
  parseWith,
  readRegularFile,
  writeFileAtomic,
  type Answer,
  type Logger,
} from '../base/index.js';
import { discoveryPayload, discoveryTopic, intentEvent, type Broker } from '../broker/index.js';
import type { Config } from '../config/index.js';
import type { Models } from './models.js';

export interface HomeAssistantParts {
  readonly config: Pick<Config, 'device' | 'homeAssistant' | 'stateDir'>;
  readonly version: string;
  readonly models: Models;
  readonly broker: Broker;
  readonly log: Logger;
  /** A number from 0 to 1. */
  readonly random?: () => number;
}

/** Where something was announced, so that it can be taken back when the setting has changed. */
const recordFile = 'home-assistant.json';
const maxRecordBytes = 4096;
const recordSchema = z.strictObject({ topics: z.array(z.string().min(1)) });

/** When Home Assistant comes back it hears of every device at once: each waits a little, by chance. */
const jitterMs = 3000;

/** This device in Home Assistant: announced, announced again when it starts, and taken back when it is not wanted. */
export class HomeAssistant {
  readonly #parts: HomeAssistantParts;
  readonly #topic: string;
  readonly #path: string;
  /** Where this device was announced and not taken back yet, in this run or earlier. */
  #recorded: readonly string[] = [];
  #payload: string | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(parts: HomeAssistantParts) {
    const { device, homeAssistant, stateDir } = parts.config;
    this.#parts = parts;
    this.#topic = discoveryTopic(homeAssistant.prefix, device);
    this.#path = join(stateDir, recordFile);
  }

  get #enabled(): boolean {
    return this.#parts.config.homeAssistant.enabled;
  }

  /** Learns what an earlier run announced. To be called before the broker is connected. */
  async start(): Promise<void> {
    try {
      const bytes = await readRegularFile(this.#path, { maxBytes: maxRecordBytes, name: recordFile });
      const record = parseJson(bytes, { name: recordFile });
      this.#recorded = parseWith(recordSchema, record, recordFile, 'bad_file').topics;
    } catch (error) {
      if (!isMissingFile(error)) {
        this.#warn(error, 'what was announced to Home Assistant earlier is not known, and not taken back');
      }
    }
    if (this.#enabled && !this.#recorded.includes(this.#topic)) {
      await this.#record([...this.#recorded, this.#topic]);
    }
  }

  /** The broker is there: takes back what is not to be there any more. */
  connected(): void {
    const { broker, log } = this.#parts;
    for (const topic of this.#recorded) {
      if (this.#enabled && topic === this.#topic) continue;
      broker.publish({ topic, payload: '', qos: 1, retain: true }, () => {
        log.info({ topic }, 'this device was taken back from Home Assistant');
        void this.#record(this.#recorded.filter((one) => one !== topic));
      });
    }
  }

  /** Announces the device with what serves now. */
  announce(): void {
    if (!this.#enabled) return;
    const { broker, config, models, version } = this.#parts;
    const intents = models.loaded.flatMap(({ served }) => served.rules.intents);
    const payload = discoveryPayload({ device: config.device, version, topics: broker.topics, intents });
    if (payload === this.#payload) return;
    this.#payload = payload;
    broker.announce(this.#topic, payload);
  }

  /** Home Assistant says how it is. */
  heard(payload: Buffer): void {
    if (payload.toString('utf8') !== 'online' || this.#again !== undefined) return;
    const wait = (this.#parts.random ?? Math.random)() * jitterMs;
    this.#again = setTimeout(() => {
      this.#again = undefined;
      if (this.#payload !== undefined) this.#parts.broker.announce(this.#topic, this.#payload);
    }, wait);
  }

  /** Tells of an answer, as an event. */
  answered(answer: Answer): void {
    if (!this.#enabled) return;
    const { broker } = this.#parts;
    broker.publishNow(broker.topics.intent, intentEvent(answer));
  }

  stop(): void {
    clearTimeout(this.#again);
  }

  async #record(topics: readonly string[]): Promise<void> {
    this.#recorded = topics;
    try {
      await writeFileAtomic(this.#path, JSON.stringify({ topics }), { mode: 0o640 });
    } catch (error) {
      this.#warn(error, 'what is announced to Home Assistant cannot be noted, and may not be taken back');
    }
  }

  #warn(error: unknown, message: string): void {
    this.#parts.log.warn({ file: this.#path, reason: messageOf(error) }, message);
  }
}
