import type { Release } from './format/index.js';

/**
 * What the update state machine asks of the world: where bundles come from (`UpdateSource`) and what serves them
 * (`UpdateHost`). Every act may be repeated after a crash at any point, with the same result.
 */

/** A release that trusted metadata offers to this device. */
export interface Offer {
  readonly family: string;
  readonly channel: string;
  /** Its `manifest` is the digest of the bundle. */
  readonly release: Release;
  /** Why this device does not take it; `undefined` where it does. */
  readonly refusal: string | undefined;
}

export interface FetchProgress {
  /** Bytes of the bundle that are here, fetched or already owned. */
  readonly haveBytes: number;
  readonly totalBytes: number;
  /** Bytes that had to travel so far. */
  readonly fetchedBytes: number;
}

export interface FetchOptions {
  /** Empty or partly filled by an earlier call, which is then resumed. Files get their names in the bundle. */
  readonly folder: string;
  /** Path of a file with these bytes that is on the device already. */
  readonly owned: (sha256: string) => Promise<string | undefined>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: FetchProgress) => void;
}

export interface UpdateSource {
  /**
   * One complete refresh of trusted metadata and of the channels of the families asked for.
   *
   * @returns everything that the channel offers of each family, newest first; the first without a refusal is what
   *   the device takes
   * @throws IntentdError `expired`, `untrusted`, `rollback`, `unreachable`, …; nothing has changed then
   */
  check(families: readonly string[], signal: AbortSignal): Promise<readonly Offer[]>;
  /**
   * Brings every file of the bundle into the folder, each with length and SHA-256 as trusted metadata and the
   * manifest say. Of earlier calls everything that is right is kept; what is no file of the bundle is removed.
   *
   * @throws IntentdError `unreachable` (worth another try), `disk_full` (nothing of this call is left), `untrusted`,
   *   `too_large`, `refused` where the device is of another kind or its agent too old; or the signal's reason
   */
  fetch(offer: Offer, options: FetchOptions): Promise<void>;
}

/** What a gate measured against its bound. */
export interface GateFigure {
  readonly gate:
    'accuracy' | 'latency' | 'energy' | 'agreement' | 'shadow' | 'errors' | 'outOfScope' | 'crashes';
  readonly measured: number | null;
  readonly bound: number | null;
  readonly passed: boolean;
  /** One sentence with units, or why nothing was measured. */
  readonly detail: string;
}

/** What serves, and what can take its place. Digests are of bundles that stand in `models/<digest>/`. */
export interface UpdateHost {
  /** The bundle that serves a family and the one before it. */
  active(
    family: string,
  ): { readonly digest: string; readonly version: string; readonly previous: string | null } | undefined;
  /** Whether the bundle's encoder serves already, so that there is nothing to build and nothing to shadow. */
  sharesEncoder(digest: string): Promise<boolean>;
  /** Builds the engine where one is needed; resolves at once where it is cached or the CPU serves. */
  build(digest: string, onPercent: (percent: number) => void, signal: AbortSignal): Promise<void>;
  /** Loads it beside what serves, in a worker of its own where its encoder is another, and holds it to its gates. */
  stage(digest: string, signal: AbortSignal): Promise<readonly GateFigure[]>;
  /** Gives it a copy of real traffic for a while; its answers do not go out. */
  shadow(digest: string, signal: AbortSignal): Promise<readonly GateFigure[]>;
  /** From here on it serves; the one before stays ready. `active.json` says so durably before it resolves. */
  activate(family: string, digest: string): Promise<void>;
  /**
   * Watches it serve; resolves at once with a failed figure where it must be taken back.
   *
   * @throws IntentdError `superseded` where something else was given its place meanwhile
   */
  probation(family: string, digest: string, signal: AbortSignal): Promise<readonly GateFigure[]>;
  /**
   * Takes the bundle of that digest back: the one before serves again, durably, without network; where there was
   * none, what is configured, or nothing. Does nothing where the bundle does not serve.
   *
   * @throws IntentdError `no_previous` where nothing could serve in its place
   */
  rollback(family: string, digest: string): Promise<void>;
  /** Lets go of what was staged for a bundle that does not serve. */
  discard(digest: string): Promise<void>;
  /** The trial is over: lets go of the engine of the one before, which stays on disk. */
  settle(family: string): Promise<void>;
}

/** Where whole bundles are kept, `models/<digest>/`. */
export interface BundleShelf {
  /** Path of a file with these bytes in a bundle that is kept. */
  owned(sha256: string): Promise<string | undefined>;
  /**
   * Takes a folder over, which must hold exactly the files that the manifest of this digest lists, and removes it.
   * Where the bundle stands whole already, only the folder is removed.
   *
   * @throws IntentdError `bad_bundle` or `bad_file`
   */
  adopt(digest: string, folder: string): Promise<void>;
  /** Removes every bundle but those that serve, the one before each, and these. */
  collect(inFlight: ReadonlySet<string>): Promise<void>;
}
