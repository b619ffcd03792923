import { describe, expect, it } from 'vitest';
import { IntentdError } from '../../src/base/index.js';
import { report } from '../../src/cli/errors.js';
import { createProgram, runCommandLine } from '../../src/cli/index.js';
import { processIo } from '../../src/cli/io.js';
import { captureIo } from '../support/capture.js';
import type { Command } from 'commander';

const program = await createProgram(captureIo());

async function run(...args: string[]) {
  const io = captureIo();
  return { status: await runCommandLine(args, io), printed: io.printed, notes: io.notes };
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

describe('the exit status', () => {
  it('is 0 for help and the version, on standard output', async () => {
    for (const args of [['--help'], ['help', 'model'], ['model', '--help'], ['--version']]) {
      const { status, printed, notes } = await run(...args);
      expect([status, notes]).toEqual([0, []]);
      expect(printed.length).toBeGreaterThan(0);
    }
  });

  it('is 2 where the command was called wrongly, with one line that says how', async () => {
    for (const args of [
      ['modle'],
      ['model', 'show'],
      ['model', 'show', '--jsn', 'x'],
      ['model', 'shw'],
      ['log', '--json', '--csv'],
    ]) {
      const { status, printed, notes } = await run(...args);
      expect([status, printed.length, notes.length]).toEqual([2, 0, 1]);
      expect(notes[0]).toMatch(/^intentd: .+ \[usage\]$/);
    }
    expect((await run()).status).toBe(2);
    expect((await run('model')).status).toBe(2);
  });

  it('is 1 where the command failed, with one line that names the reason and its code', async () => {
    const { status, printed, notes } = await run('model', 'verify', '/nowhere/at/all');
    expect([status, printed]).toEqual([1, []]);
    expect(notes).toEqual([expect.stringMatching(/^intentd: .*\/nowhere\/at\/all.*\. \[bad_bundle\]$/)]);
  });
});

describe('an error', () => {
  it('cannot steer the terminal it is shown on', () => {
    const written: string[] = [];
    const stderr = { write: (text: string) => written.push(text), isTTY: false };
    const io = processIo({ stdout: { isTTY: false }, stderr, env: {} } as unknown as NodeJS.Process);
    report(new IntentdError('bad_bundle', 'name \u001b]0;owned\u0007.'), io, false);
    expect(written.join('')).toBe('intentd: name \\x1b]0;owned\\x07. [bad_bundle]\n');
  });

  it('of the program itself says so, and where only when asked', () => {
    const io = captureIo();
    expect(report(new TypeError('x is undefined'), io, false)).toBe(1);
    expect(io.notes).toEqual(['intentd: x is undefined [internal] (INTENTD_DEBUG=1 says where)']);
    report(new TypeError('x is undefined'), io, true);
    expect(io.notes.join('\n')).toContain('program.test.ts');
  });
});

describe('help', () => {
  const commands = everyCommand(program).filter(({ commands }) => commands.length === 0);

  it.each(commands.map((command) => [command.name(), command] as const))(
    '%s explains itself, with an example, within 80 columns',
    (_, command) => {
      const io = captureIo();
      command
        .configureOutput({
          writeOut: (text) => {
            io.print(text);
          },
        })
        .outputHelp();
      expect(Math.max(...io.printed.map((line) => line.length))).toBeLessThanOrEqual(80);
      if (command.name() === 'help') return;
      expect(io.printed.join('\n')).toMatch(/Examples:\n {2}intentd /);
      expect(command.description()).toMatch(/\.$/);
    },
  );
});

describe('colour', () => {
  const colorOf = (isTTY: boolean, env: NodeJS.ProcessEnv) =>
    processIo({ stdout: { isTTY, columns: 200 }, stderr: { isTTY }, env } as unknown as NodeJS.Process).color;

  it('is for terminals alone, and never under NO_COLOR', () => {
    expect(colorOf(true, {})).toBe(true);
    expect(colorOf(false, {})).toBe(false);
    expect(colorOf(true, { NO_COLOR: '1' })).toBe(false);
    expect(colorOf(true, { NO_COLOR: '' })).toBe(true);
    expect(colorOf(true, { TERM: 'dumb' })).toBe(false);
  });
});
