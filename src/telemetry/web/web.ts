import { messageOf, type Clock, type Logger } from '../../base/index.js';
import type { Site, SiteOptions, SiteSources } from './site.js';

/** The dashboard and Prometheus' metrics, over HTTP. The agent serves as well without it, and loads nothing of it then. */
export class Web {
  readonly #options: SiteOptions | undefined;
  readonly #sources: SiteSources;
  readonly #clock: Clock;
  readonly #log: Logger;
  #site: Site | undefined;
  #stopped = false;

  /** @param options absent where it is switched off */
  constructor(options: SiteOptions | undefined, sources: SiteSources, clock: Clock, log: Logger) {
    this.#options = options;
    this.#sources = sources;
    this.#clock = clock;
    this.#log = log;
  }

  /** Where it is; `undefined` where it is not. */
  get url(): string | undefined {
    return this.#site?.url;
  }

  /** Begins to serve; where it cannot, that is told and the agent goes on. */
  async start(): Promise<void> {
    if (this.#options === undefined) return;
    try {
      const { Site } = await import('./site.js');
      const site = new Site(this.#options, this.#sources, this.#clock, this.#log);
      await site.start();
      this.#site = site;
      // Told to stop meanwhile: then nobody will stop it any more.
      if (this.#stopped) await site.stop();
      else this.#log.info({ url: site.url }, 'dashboard and metrics');
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'there is no dashboard and no metrics over HTTP');
    }
  }

  /** Ends every connection. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#site?.stop();
  }
}
