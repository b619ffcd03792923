import { IntentdError, type Clock, type Logger } from '../../base/index.js';
import { diskFull, isDiskFull } from '../diskFull.js';
import type { DeviceTraits } from '../format/index.js';
import type { FetchOptions, Offer, UpdateSource } from '../ports.js';
import { TrustedMetadata } from '../trust/index.js';
import { withDeadline } from './deadline.js';
import { fetchBundle } from './fetchBundle.js';
import { transportFor } from './location.js';
import { offersOf } from './offers.js';
import { planBundle } from './plan.js';
import type { Transport } from './transport.js';

export interface UpdateSourceOptions {
  /** `https://HOST/PATH`, `file:///PATH` or the absolute path of a folder. */
  readonly location: string;
  readonly channel: string;
  /** Folder `update/` of the state directory: what is trusted is kept there, whatever the location. */
  readonly folder: string;
  /** Bytes of the root of trust that was installed with the agent. */
  readonly installedRoot: Uint8Array;
  /** Milliseconds since 1970 when the agent was built. */
  readonly builtAtMs: number;
  readonly device: DeviceTraits;
  readonly clock: Pick<Clock, 'wall'>;
  readonly log: Logger;
  readonly limits?: Partial<SourceLimits>;
  /** How web servers are reached. */
  readonly http?: {
    /** PEM of the authorities to trust instead of those that come with Node.js. */
    readonly ca?: string | undefined;
    /** `http://HOST:PORT`, over what the environment says. */
    readonly proxy?: string | undefined;
    /** Whose `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count; the process's if absent. */
    readonly environment?: NodeJS.ProcessEnv;
    /** Plain HTTP to other machines: what is taken is verified all the same, but who listens knows of it. */
    readonly allowHttp?: boolean;
  };
}

export interface SourceLimits {
  /** All files of a bundle together. */
  readonly maxBundleBytes: number;
  /** Longest time that a check may take. */
  readonly checkMs: number;
  /** Longest time that fetching a bundle may take; what came until then is kept. */
  readonly fetchMs: number;
  /** A connection over which fewer than `leastBytes` came in such a time is ended. */
  readonly stallMs: number;
  readonly leastBytes: number;
  /** Attempts in a row that bring nothing, after which it is left to a later call. */
  readonly maxFruitless: number;
  /** Wait before the second attempt; doubled for each further one, with chance. */
  readonly retryMs: number;
}

const defaultLimits: SourceLimits = {
  maxBundleBytes: 512 << 20,
  checkMs: 120_000,
  fetchMs: 3_600_000,
  stallMs: 30_000,
  leastBytes: 4096,
  maxFruitless: 5,
  retryMs: 1000,
};

/**
 * Where a device gets its bundles from. One call at a time for each `folder`.
 *
 * @throws IntentdError `bad_source` where the location is none
 */
export function openUpdateSource(options: UpdateSourceOptions): UpdateSource {
  const limits = { ...defaultLimits, ...options.limits };
  const { ca, proxy, environment = process.env, allowHttp = false } = options.http ?? {};
  const transport = transportFor(options.location, {
    ...limits,
    ca,
    proxy: { url: proxy, environment },
    allowHttp,
    userAgent: `intentd/${options.device.agent}`,
  });
  return new TrustedSource(options, limits, transport);
}

class TrustedSource implements UpdateSource {
  readonly #options: UpdateSourceOptions;
  readonly #limits: SourceLimits;
  readonly #transport: Transport;
  readonly #trust: TrustedMetadata;

  constructor(options: UpdateSourceOptions, limits: SourceLimits, transport: Transport) {
    this.#options = options;
    this.#limits = limits;
    this.#transport = transport;
    this.#trust = new TrustedMetadata(options);
  }

  check(families: readonly string[], signal: AbortSignal): Promise<readonly Offer[]> {
    const { channel, device } = this.#options;
    const transport = this.#transport;
    return this.#within(signal, this.#limits.checkMs, 'Looking for updates', (bounded) =>
      this.#trust.refresh(
        transport,
        async (find) => {
          const offers: Offer[] = [];
          for (const family of families) {
            offers.push(...(await offersOf({ family, channel }, device, { find, transport }, bounded)));
          }
          return offers;
        },
        bounded,
      ),
    );
  }

  async fetch(offer: Offer, options: FetchOptions): Promise<void> {
    const { device, log } = this.#options;
    const { maxBundleBytes, fetchMs } = this.#limits;
    const transport = this.#transport;
    await this.#within(options.signal, fetchMs, 'Fetching a bundle', async (signal) => {
      const plan = await this.#trust.refresh(
        transport,
        (find) => planBundle(offer, { find, transport, device, maxBundleBytes }, signal),
        signal,
      );
      await fetchBundle(plan, { transport, log, signal, options });
    });
  }

  async #within<T>(
    signal: AbortSignal,
    ms: number,
    what: string,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const late = (): Error =>
      new IntentdError('unreachable', `${what} took longer than ${Math.round(ms / 1000)} s.`);
    try {
      return await withDeadline(signal, ms, late, work);
    } catch (error) {
      throw isDiskFull(error) ? diskFull('what updates keep', error) : error;
    } finally {
      this.#transport.rest();
    }
  }
}
