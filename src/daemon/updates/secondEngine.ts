import { setTimeout as sleep } from 'node:timers/promises';
import { availableMemoryBytes, type Logger } from '../../base/index.js';
import { bundleFiles } from '../../model/index.js';
import type { ServedModel } from '../../requests/index.js';
import type { BundleIdentity, LoadedBundle } from '../bundles.js';
import { cpuEngineBytes } from '../engineMemory.js';
import type { Engines, LoadedModel } from '../engines.js';
import { neededBytes, noMemory } from './memory.js';

/** A bundle that is loaded, and does not serve yet. */
export interface Staged {
  readonly model: LoadedModel;
  readonly bundle: LoadedBundle;
}

/** How long a worker may take to give its memory back. */
const freedWithinMs = 5000;
const pollMs = 50;

/** Engines beside the one that serves: building them, room for them, and the CPU's to compare with. */
export class SecondEngine {
  readonly #engines: Engines;
  readonly #reserveBytes: number;
  readonly #log: Logger;

  /** @param reserveBytes memory to be left over when an engine is loaded */
  constructor(engines: Engines, reserveBytes: number, log: Logger) {
    this.#engines = engines;
    this.#reserveBytes = reserveBytes;
    this.#log = log;
  }

  /** Whether a worker holds the bundle's encoder already. */
  isLoaded(identity: BundleIdentity): boolean {
    return this.#engines.encoders.of(identity) !== undefined;
  }

  /**
   * Builds a bundle's TensorRT engine, unless it is built already, or the CPU engine serves here.
   *
   * @throws IntentdError why there is none, or the signal's reason
   */
  async build(
    identity: BundleIdentity,
    onPercent: (percent: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { builds, tensorRt } = this.#engines;
    if (tensorRt === undefined || builds === undefined || this.isLoaded(identity)) return;
    const found = { isMissing: false };
    const target = {
      bundle: identity.digest,
      folder: () => identity.folder,
      missing: () => {
        found.isMissing = true;
      },
      loaded: () => undefined,
    };
    const launch = await tensorRt.first(target, signal);
    if (launch !== undefined) await (await launch(signal)).close();
    if (!found.isMissing) return;
    const tell = ({ percent }: { readonly percent: number }): void => {
      onPercent(percent);
    };
    await builds.prepare(identity.folder, tell, signal);
  }

  /**
   * Sees to it that there is memory for a second engine. Where there is not, and TensorRT serves, its engine is let
   * go and the CPU's serves meanwhile.
   *
   * @returns whether the engine that served was let go
   * @throws IntentdError `no_memory`
   */
  async makeRoom(serving: LoadedModel | undefined, trial: BundleIdentity): Promise<boolean> {
    if (serving === undefined || this.isLoaded(trial)) return false;
    const needed = await this.#needed(serving, trial);
    if (this.#isRoomFor(needed)) return false;
    if (serving.slot.info.kind === 'tensorrt') {
      const model = serving.name;
      this.#log.warn({ model }, 'memory holds one engine: the CPU engine serves while the next one is tried');
      await serving.slot.fallBack();
      const until = performance.now() + freedWithinMs;
      while (!this.#isRoomFor(needed) && performance.now() < until) await sleep(pollMs);
      if (this.#isRoomFor(needed)) return true;
      await this.bringBack(serving);
    }
    throw noMemory(needed, availableMemoryBytes(), this.#reserveBytes);
  }

  /** Lets TensorRT serve a model again that was let go to make room. */
  async bringBack(model: LoadedModel): Promise<void> {
    const { encoders, tensorRt } = this.#engines;
    const encoder = encoders.of(model.identity);
    if (tensorRt === undefined || encoder === undefined || model.slot.info.kind === 'tensorrt') return;
    await model.slot.swap(tensorRt.launching(encoder.target));
  }

  /**
   * Lets the CPU engine answer for a bundle that is loaded, in a worker of its own.
   *
   * @returns `undefined` where there is no memory for it
   */
  async onCpu<T>(
    { model, bundle }: Staged,
    work: (onCpu: ServedModel) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    if (!this.#isRoomFor(cpuEngineBytes)) return undefined;
    const worker = await this.#engines.encoders.launchAlways(bundle.folder, signal, true);
    try {
      await worker.loadHead(model.served.head, bundle.head);
      return await work({ ...model.served, engine: worker });
    } finally {
      await worker.close();
    }
  }

  #isRoomFor(bytes: number): boolean {
    return availableMemoryBytes() - this.#reserveBytes >= bytes;
  }

  async #needed(serving: LoadedModel, trial: BundleIdentity): Promise<number> {
    const sizeOf = ({ manifest }: BundleIdentity): number => manifest.files[bundleFiles.encoder]!.bytes;
    return neededBytes({
      servingKib: await serving.slot.measureKib(),
      servingDeviceBytes: await this.#deviceBytesOf(serving),
      servingEncoderBytes: sizeOf(serving.identity),
      trialEncoderBytes: sizeOf(trial),
    });
  }

  /** On a Jetson the GPU's memory is the machine's. */
  async #deviceBytesOf({ slot }: LoadedModel): Promise<number> {
    const key = this.#engines.engineKeyOf(slot);
    if (key === undefined || this.#engines.tensorRt === undefined) return 0;
    const { candidates, choice } = await this.#engines.tensorRt.cache.verify(key);
    return candidates.find(({ name }) => name === choice.name)?.deviceBytes ?? 0;
  }
}
