import { z } from 'zod';
import { messageOf, parseJson, parseWith, type Clock, type Logger } from '../../base/index.js';
import type { Broker } from '../../broker/index.js';
import type { Failure, Phase, UpdateHost, UpdateView } from '../../update/index.js';
import type { Models } from '../models.js';
import type { AgentUpdates } from './agentUpdates.js';

export interface MqttUpdatesParts {
  readonly updates: AgentUpdates;
  readonly broker: Pick<Broker, 'setUpdate'>;
  readonly models: Models;
  readonly host: UpdateHost;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
}

/** How updates of a model are, as the protocol says it. */
export interface UpdateState {
  readonly phase: Phase;
  readonly model: string;
  readonly installed: string | null;
  readonly available?: string;
  /** 0 to 100 */
  readonly percent?: number;
  readonly error?: Failure;
}

const maxBytes = 4096;
/** Between two messages that differ in nothing but how far an update is. */
const percentMs = 1000;

const actionSchema = z.strictObject({
  action: z.enum(['check', 'install', 'rollback']),
  /** The newest if absent. */
  version: z.string().min(1).max(64).optional(),
  /** Id of a bundle; the default model's if absent. */
  model: z.string().min(1).max(64).optional(),
});

/** Updates over MQTT: the topics `update` and `update/state` of the protocol. */
export class MqttUpdates {
  readonly #parts: MqttUpdatesParts;
  #told: { readonly phase: Phase; readonly at: number } | undefined;
  /** Why the last action was refused. */
  #refusal: Failure | undefined;

  constructor(parts: MqttUpdatesParts) {
    this.#parts = parts;
  }

  /** Does what somebody wants, or says why not. */
  heard(payload: Buffer): void {
    this.#refusal = undefined;
    try {
      this.#act(payload);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
      this.#refusal = { code, message: messageOf(error) };
      this.#parts.log.warn({ ...this.#refusal }, 'an action on the update topic is refused');
      this.publish();
    }
  }

  /** Says, retained, how updates are. */
  tell(view: UpdateView): void {
    const now = this.#parts.clock.now();
    const isSame = this.#told?.phase === view.phase && view.percent !== null;
    if (isSame && now - this.#told!.at < percentMs && view.percent < 100) return;
    if (view.phase !== 'idle') this.#refusal = undefined;
    this.#told = { phase: view.phase, at: now };
    this.#parts.broker.setUpdate(this.#stateOf(view));
  }

  publish(): void {
    this.#parts.broker.setUpdate(this.state);
  }

  /** What stands on the topic. */
  get state(): UpdateState {
    return this.#stateOf(this.#parts.updates.view);
  }

  #act(payload: Buffer): void {
    const name = 'The message';
    if (payload.length > maxBytes) throw new RangeError(`${name} is longer than ${maxBytes} bytes.`);
    const data = parseJson(payload, { name, maxDepth: 4 });
    const { action, version, model } = parseWith(actionSchema, data, name, 'bad_request');
    const { updates, models } = this.#parts;
    const family = model ?? models.default ?? '';
    const by = 'mqtt';
    if (action === 'rollback') updates.rollBack(family, by);
    else if (action === 'check') updates.check(by, {});
    else {
      // Never older than what serves, and never what failed: that takes a command on the device.
      const options = { version: version ?? null, from: null, downgrade: false, force: false };
      updates.request({ kind: 'install', by, family, ...options });
    }
  }

  #stateOf({ phase, family, percent, available, failure }: UpdateView): UpdateState {
    const { host, models } = this.#parts;
    const model = family ?? models.default ?? '';
    const offered = available.find((one) => one.family === model && one.refusal === null);
    const error = this.#refusal ?? failure;
    return {
      phase,
      model,
      installed: host.active(model)?.version ?? null,
      ...(offered === undefined ? {} : { available: offered.version }),
      ...(percent === null ? {} : { percent }),
      ...(error === null ? {} : { error: { code: error.code, message: error.message } }),
    };
  }
}
