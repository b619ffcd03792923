import { existsSync, readFileSync, readdirSync } from 'node:fs';

/** Resident memory of a process, in MiB; `undefined` where it is gone or this system does not say. */
export function residentMib(pid: number): number | undefined {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(path, 'utf8'))?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

/** Process ids of the children of a process. */
export function childrenOf(pid: number): number[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number | undefined {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return undefined;
  // The name, the second field, stands in brackets and may hold anything.
  const afterName = readFileSync(path, 'utf8').split(') ').at(-1);
  return Number(afterName?.split(' ')[1]);
}

/** How much memory processes had over a time, in MiB. */
export interface MemoryFigures {
  readonly peakMib: number;
  /** Means of the second and of the last quarter: flat where they are alike. */
  readonly earlyMib: number;
  readonly lateMib: number;
}

/** Looks at the memory of one process again and again. */
export class MemoryWatch {
  readonly #samples: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number, everyMs: number) {
    this.#timer = setInterval(() => {
      const mib = residentMib(pid);
      if (mib !== undefined) this.#samples.push(mib);
    }, everyMs);
  }

  /** `undefined` where there was too little time to see anything. */
  end(): MemoryFigures | undefined {
    clearInterval(this.#timer);
    const quarter = Math.floor(this.#samples.length / 4);
    if (quarter === 0) return undefined;
    return {
      peakMib: Math.max(...this.#samples),
      earlyMib: mean(this.#samples.slice(quarter, 2 * quarter)),
      lateMib: mean(this.#samples.slice(-quarter)),
    };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
