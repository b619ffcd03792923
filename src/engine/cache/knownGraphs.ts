import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  builtAtMs,
  messageOf,
  parseJson,
  parseWith,
  writeFileAtomic,
  type Logger,
} from '../../base/index.js';

const fileName = 'graphs.json';
const schema = z.object({ builtAt: z.number(), graphs: z.record(z.string(), z.string()) });
const kept = 64;

/**
 * SHA-256 of the graphs that this program made of bundles: making one again, only to see which engine is wanted,
 * would take a start longer than reading the engine. What another program made counts for nothing.
 */
export class KnownGraphs {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #builtAt: number;
  #graphs: Map<string, string> | undefined;

  /** @param builtAt when this program was built, ms since 1970; where it is 0 nothing is remembered */
  constructor(folder: string, log: Logger, builtAt = builtAtMs()) {
    this.#folder = folder;
    this.#log = log;
    this.#builtAt = builtAt;
  }

  /** The digest of a bundle's graph. @param bundle SHA-256 of its manifest, which names every file's own */
  of(bundle: string, attention: string): string | undefined {
    return this.#read().get(`${bundle} ${attention}`);
  }

  /** Costs the next start time, and this one nothing, where it cannot be written. */
  async note(bundle: string, attention: string, graph: string): Promise<void> {
    const graphs = this.#read();
    const name = `${bundle} ${attention}`;
    if (this.#builtAt === 0 || graphs.get(name) === graph) return;
    graphs.set(name, graph);
    const newest = Object.fromEntries([...graphs].slice(-kept));
    const text = JSON.stringify({ builtAt: this.#builtAt, graphs: newest }, null, 2);
    try {
      await writeFileAtomic(join(this.#folder, fileName), `${text}\n`, { mode: 0o640 });
    } catch (error) {
      this.#log.warn(
        { reason: messageOf(error) },
        'a graph is made again at the next start: it could not be noted',
      );
    }
  }

  #read(): Map<string, string> {
    this.#graphs ??= this.#parsed();
    return this.#graphs;
  }

  /** At once: it is a few lines, and a start waits for it. */
  #parsed(): Map<string, string> {
    try {
      const bytes = readFileSync(join(this.#folder, fileName));
      const { builtAt, graphs } = parseWith(
        schema,
        parseJson(bytes, { name: fileName }),
        fileName,
        'bad_file',
      );
      return new Map(builtAt === this.#builtAt ? Object.entries(graphs) : []);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        const reason = messageOf(error);
        this.#log.warn({ reason }, 'graphs are made again: what is known of them is not readable');
      }
      return new Map();
    }
  }
}
