import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  isMissingFile,
  messageOf,
  parseJson,
  parseWith,
  readRegularFile,
  writeFileAtomic,
  type Logger,
} from '../base/index.js';

const fileName = 'active.json';
const maxBytes = 1 << 20;
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 of 64 hex digits');
const schema = z.strictObject({
  format: z.literal(1),
  models: z.record(z.string(), z.strictObject({ digest, previous: digest.nullable() })),
});

/** Which bundle serves under a name, and which one did before. */
export interface ActiveModel {
  readonly digest: string;
  readonly previous: string | null;
}

/** The bundles that were loaded into a running agent: `active.json`, of which this is the one owner. */
export class ActiveModels {
  readonly #path: string;
  readonly #log: Logger;
  #models: ReadonlyMap<string, ActiveModel> = new Map();
  #forgotten = false;

  constructor(stateDir: string, log: Logger) {
    this.#path = join(stateDir, fileName);
    this.#log = log;
  }

  get models(): ReadonlyMap<string, ActiveModel> {
    return this.#models;
  }

  /** Every digest that may be asked for. */
  get digests(): string[] {
    return [...this.#models.values()].flatMap((model) => [model.digest, model.previous ?? model.digest]);
  }

  /** Whether the file could not be read, so that nobody knows what was loaded. */
  get forgotten(): boolean {
    return this.#forgotten;
  }

  /** Reads the file, if there is one; what cannot be read is set aside, and only the configuration counts. */
  async read(): Promise<void> {
    try {
      const bytes = await readRegularFile(this.#path, { maxBytes, name: fileName });
      const data = parseWith(schema, parseJson(bytes, { name: fileName }), fileName, 'bad_file');
      this.#models = new Map(Object.entries(data.models));
    } catch (error) {
      if (isMissingFile(error)) return;
      const aside = `${this.#path}.broken`;
      this.#log.error(
        { reason: messageOf(error), aside },
        'active.json is set aside: loaded models are forgotten',
      );
      this.#forgotten = true;
      await rename(this.#path, aside);
    }
  }

  /** Sets a name's entry, or removes it with `undefined`; what is on disk and in memory is one. */
  async set(name: string, model: ActiveModel | undefined): Promise<void> {
    const next = new Map(this.#models);
    if (model === undefined) next.delete(name);
    else next.set(name, model);
    const data = { format: 1, models: Object.fromEntries(next) };
    await writeFileAtomic(this.#path, `${JSON.stringify(data, null, 2)}\n`, { mode: 0o640 });
    this.#models = next;
  }
}
