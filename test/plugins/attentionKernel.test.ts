import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nativeFolders } from '../support/pluginProbe.js';

/** Where a program of the native build is; `undefined` where it was not made. */
function program(name: string): string | undefined {
  return nativeFolders.map((folder) => join(folder, 'test', name)).find((path) => existsSync(path));
}

/** Runs a program of the native build; its last line is JSON, the lines before it are failures. */
function run(name: string, ...args: string[]): { failures: string[]; summary: unknown } {
  const { stdout, stderr, error } = spawnSync(program(name)!, args, { encoding: 'utf8' });
  if (error) throw error;
  const lines = stdout.trim().split('\n');
  return {
    summary: JSON.parse(lines.at(-1) ?? ''),
    failures: [...lines.slice(0, -1), ...stderr.split('\n').filter(Boolean)],
  };
}

// Skipped where no native build has made the programs.
describe.skipIf(program('attention_planner_test') === undefined)(
  'the planner of the attention kernel',
  () => {
    it('visits exactly the tiles that the definition needs, and masks exactly those it needs in part', () => {
      expect(run('attention_planner_test')).toEqual({
        failures: [],
        summary: { checked: expect.any(Number) as number, contradictions: 0 },
      });
    }, 60_000);
  },
);

describe.skipIf(program('attention_emulate_test') === undefined)(
  'the attention kernel on emulated warps',
  () => {
    it('is within 2e-3 of the definition in double precision, in every variant, for random shapes, lengths and patterns', () => {
      expect(run('attention_emulate_test', '4')).toEqual({
        failures: [],
        summary: { cases: expect.any(Number) as number, failures: 0, worst: expect.any(Number) as number },
      });
    }, 120_000);
  },
);
