import { BaseFetcher } from 'tuf-js';
import { DownloadHTTPError, DownloadLengthMismatchError } from 'tuf-js/dist/error.js';
import { IntentdError } from '../../base/index.js';
import { metadataFolder } from '../format/index.js';
import type { Source } from './source.js';

/** What stands for a source in the library's URLs; nothing is ever fetched from there. */
export const metadataUrl = 'https://repository.invalid/metadata/';

/** Lets tuf-js read metadata from a source, never more than it asks for. */
export class SourceFetcher extends BaseFetcher {
  readonly #source: Source;
  readonly #signal: AbortSignal;
  #failure: unknown;

  constructor(source: Source, signal: AbortSignal) {
    super();
    this.#source = source;
    this.#signal = signal;
  }

  /** Why the source could not be read, which the library wraps in words of its own; `undefined` if it could. */
  get failure(): unknown {
    return this.#failure;
  }

  override async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1)!);
    const bytes = await this.#read(name, maxLength);
    // What the library takes for "there is no newer root".
    if (bytes === undefined) throw new DownloadHTTPError(`The repository has no ${name}`, 404);
    if (bytes.length > maxLength) throw new DownloadLengthMismatchError(`${name} is too long`);
    return Buffer.from(bytes);
  }

  async #read(name: string, maxLength: number): Promise<Uint8Array | undefined> {
    try {
      const bytes = await this.#source.read(`${metadataFolder}/${name}`, maxLength, this.#signal);
      if (bytes !== undefined || /^\d+\.root\.json$/.test(name)) return bytes;
      throw new IntentdError(
        'unreachable',
        `There is no ${metadataFolder}/${name}: either this is no repository, or it is being changed just now.`,
      );
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Targets are not the library's to fetch. */
  override fetch(): Promise<never> {
    return Promise.reject(new IntentdError('internal', 'Only metadata is fetched here.'));
  }
}
