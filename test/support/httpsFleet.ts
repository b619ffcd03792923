import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../src/base/index.js';
import type { SourceLimits, UpdateSourceOptions } from '../../src/update/index.js';
import { Certificates, haveOpenssl } from './certificates.js';
import { ConnectProxy } from './connectProxy.js';
import { FileServer } from './fileServer.js';
import { Fleet } from './fleet.js';
import { UpdateClient } from './updateClient.js';

/** Attempts follow at once, so that tests need not wait. */
const limits: Partial<SourceLimits> = { retryMs: 1, maxFruitless: 3 };

/** A fleet's repository with one release, its servers and its devices, all over TLS of an authority of its own. */
export class HttpsFleet extends Fleet {
  readonly certificates = new Certificates();
  readonly #running: { stop: () => Promise<void> }[] = [];
  /** Folder of the bundle that is published. */
  bundle = '';

  /** Certificates only where there is openssl. */
  async open(): Promise<this> {
    await this.init();
    this.bundle = await this.add();
    if (haveOpenssl) {
      this.certificates.authority('ca');
      this.certificates.server('right', 'IP:127.0.0.1');
    }
    return this;
  }

  /** @param certificate name of the one that it shows */
  serve(certificate = 'right', folder = this.repository): Promise<FileServer> {
    return this.#start(new FileServer(folder, this.certificates.pair(certificate)));
  }

  servePlain(): Promise<FileServer> {
    return this.#start(new FileServer(this.repository));
  }

  proxy(): Promise<ConnectProxy> {
    return this.#start(new ConnectProxy());
  }

  client(url: string, options: Partial<UpdateSourceOptions> = {}): UpdateClient {
    return new UpdateClient(url, this.firstRoot, {
      ...options,
      limits: { ...limits, ...options.limits },
      http: { ca: this.certificates.pem('ca'), environment: {}, ...options.http },
    });
  }

  /** Path in the repository, and length, of a file of the published bundle. */
  stored(name: string): { path: string; bytes: number } {
    const file = join(this.bundle, name);
    const digest = sha256(readFileSync(file));
    return { path: `targets/tiny/files/${digest}.${digest}`, bytes: statSync(file).size };
  }

  async stopAll(): Promise<void> {
    for (const one of this.#running.splice(0)) await one.stop();
  }

  async #start<T extends { start: () => Promise<T>; stop: () => Promise<void> }>(one: T): Promise<T> {
    this.#running.push(one);
    return one.start();
  }
}
