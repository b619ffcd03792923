import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram, runCommandLine } from '../../src/cli/index.js';
import { captureIo } from '../support/capture.js';

async function scriptOf(shell: string): Promise<string> {
  const io = captureIo();
  expect(await runCommandLine(['completion', shell], io)).toBe(0);
  const file = join(mkdtempSync(join(tmpdir(), 'i-')), '_intentd');
  writeFileSync(file, `${io.printed.join('\n')}\n`);
  return file;
}

function run(shell: string, ...args: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(shell, args, { encoding: 'utf8', timeout: 20_000 });
  if (status !== 0 || stderr !== '') throw new Error(`${shell}: ${String(status)} ${stderr}`);
  return stdout.split('\n').filter((line) => line !== '');
}

const missing = (shell: string) => spawnSync(shell, ['--version']).error !== undefined;

const commands = (await createProgram(captureIo())).commands.map((command) => command.name());

describe.skipIf(missing('bash'))('in bash', () => {
  async function complete(...words: string[]): Promise<string[]> {
    const script = await scriptOf('bash');
    const array = ['intentd', ...words].map((word) => `'${word}'`).join(' ');
    const ask = `source ${script}; COMP_WORDS=(${array}); COMP_CWORD=${words.length}; _intentd; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run('bash', '-c', ask);
  }

  it('every command can be completed', async () => {
    expect(await complete('')).toEqual(expect.arrayContaining(commands));
    expect(await complete('mod')).toEqual(['model']);
    expect(await complete('model', 'ro')).toEqual(['rollback']);
  });

  it('options are, and the values of those that have few, behind other options too', async () => {
    expect(await complete('engine', 'status', '--js')).toEqual(['--json']);
    expect(await complete('stats', '--since', '1d', '--by', 'mo')).toEqual(['model']);
    expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('what is a file is left to the shell', async () => {
    expect(await complete('model', 'load', 'mod')).toEqual([]);
    expect(await complete('run', '--config', 'r')).toEqual([]);
  });
});

describe.skipIf(missing('fish'))('in fish', () => {
  async function complete(line: string): Promise<string[]> {
    const script = await scriptOf('fish');
    const found = run('fish', '--no-config', '-c', `source ${script}; complete -C ${JSON.stringify(line)}`);
    return found.map((entry) => entry.split('\t')[0]!);
  }

  it('commands, options and values are completed', async () => {
    expect(await complete('intentd ')).toEqual(expect.arrayContaining(commands));
    expect(await complete('intentd model ro')).toEqual(['rollback']);
    expect(await complete('intentd engine status --js')).toEqual(['--json']);
    expect(await complete('intentd stats --since 1d --by mo')).toEqual(['model']);
  });
});

describe.skipIf(missing('zsh'))('in zsh', () => {
  it('the script names every command, and zsh takes it', async () => {
    const script = await scriptOf('zsh');
    const start = 'autoload -Uz compinit && compinit -u -D;';
    const ask = `${start} source ${script}; print -l $\{(k)functions} | grep '^_intentd'; print $_comps[intentd]`;
    const found = run('zsh', '-f', '-c', ask);
    expect(found).toEqual(expect.arrayContaining(commands.map((name) => `_intentd_${name}`)));
    expect(found.at(-1)).toBe('_intentd');
  });
});
