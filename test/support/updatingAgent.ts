import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, intentd } from './agent.js';
import { Fleet } from './fleet.js';
import { writeTinyBundle, type TinyBundleOptions } from './tinyBundle.js';

type Json = Record<string, unknown>;

/** An agent that serves a tiny bundle, and a fleet whose repository it follows. */
export class UpdatingAgent {
  readonly agent = new Agent();
  readonly fleet = new Fleet();
  readonly #folder = mkdtempSync(join(tmpdir(), 'intentd-updating-'));

  async publish(version: string, seed: number, more: TinyBundleOptions = {}): Promise<void> {
    await this.fleet.add({ seed, ...more, parts: { version, ...more.parts } });
  }

  /** Publishes what the agent has already, and starts it with the gates short and wide. */
  async start(...more: string[]): Promise<void> {
    await this.fleet.init();
    await writeTinyBundle(join(this.#folder, 'bundle'));
    await this.startAgain(...more);
  }

  async startAgain(...more: string[]): Promise<void> {
    const gates = ['shadow.seconds=0', 'shadow.agreement=0', 'shadow.outOfScope=1', 'probation.seconds=0.3'];
    const loose = ['agreement=0', 'latencyP50Ratio=1000', 'latencyP99Ratio=1000', 'energyRatio=1000'];
    const wide = ['utterances=10', 'shadow.latencyRatio=1000', 'load=1', 'reserveMib=0'];
    const settings = [
      `model.bundles=${join(this.#folder, 'bundle')}`,
      'model.goldenFloor=0',
      'update.checkHours=0',
      `update.source=${this.fleet.repository}`,
      `update.rootFile=${this.fleet.firstRoot}`,
      ...[...gates, ...loose, ...wide].map((one) => `update.gates.${one}`),
    ];
    await this.agent.start(...settings.flatMap((one) => ['--set', one]), ...more);
  }

  /** Runs `intentd update …` against it. */
  run(...args: string[]): ReturnType<typeof intentd> {
    return intentd('update', ...args, '--state-dir', this.agent.stateDir);
  }

  /** What `intentd update …` prints under `--json`. */
  async json(...args: string[]): Promise<Json> {
    const { out, err } = await this.run(...args, '--json');
    if (out === '') throw new Error(err);
    return JSON.parse(out) as Json;
  }

  /** The version that answers, by asking. */
  async answeredBy(): Promise<string | undefined> {
    const { status, out } = await intentd('ask', ...this.agent.options, '--json', 'play my music');
    if (status !== 0) return undefined;
    return (JSON.parse(out) as { model: { version: string } }).model.version;
  }

  async end(): Promise<void> {
    await this.agent.end('SIGKILL');
    for (const folder of [this.agent.stateDir, this.#folder, this.fleet.folder]) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
