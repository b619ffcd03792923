import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A power rail that an inference of the fake draws more from, for a time of its own, by engine (`int8-sparse`). */
export interface FakeRail {
  /** The rail's `curr*_input`. */
  readonly file: string;
  readonly idleMa: number;
  readonly drawMa: Readonly<Record<string, number>>;
  readonly inferMs: Readonly<Record<string, number>>;
}

/** What the fake finds and how it misbehaves; see `fakeAddon.cjs`. */
export interface FakeAddonSettings {
  readonly runtime?: Readonly<Record<string, unknown>>;
  readonly noGpu?: boolean;
  /** How long a build takes. */
  readonly buildMs?: number;
  /** How long a worker takes to load a plan. */
  readonly loadMs?: number;
  /** GPU time a token. */
  readonly sparseUs?: number;
  readonly denseUs?: number;
  /** Whether there is an energy counter. */
  readonly meter?: boolean;
  readonly loadFails?: string;
  readonly inferFails?: string;
  readonly rail?: FakeRail;
}

/** Writes a module that stands for the TensorRT addon into `folder`; writing it again changes what the next process finds. */
export function writeFakeAddon(folder: string, settings: FakeAddonSettings = {}): string {
  const path = join(folder, 'fake.cjs');
  const fake = JSON.stringify(join(import.meta.dirname, 'fakeAddon.cjs'));
  writeFileSync(path, `module.exports = require(${fake})(${JSON.stringify(settings)});\n`);
  return path;
}
