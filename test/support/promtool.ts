import { spawnSync } from 'node:child_process';

const binary = process.env['PROMTOOL'] ?? 'promtool';

/** Whether Prometheus' own checker is here; tests that need it skip without. `PROMTOOL` names one. */
export const havePromtool = spawnSync(binary, ['--version']).status === 0;

/** What `promtool check metrics` says of a text: nothing, where it accepts it. */
export function promtoolSays(text: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(binary, ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}
