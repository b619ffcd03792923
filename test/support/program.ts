import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { built } from './built.js';

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the compiled `intentd`, as a person would, and waits for its end. */
export async function runProgram(...args: readonly string[]): Promise<Finished> {
  const program = join(await built(), 'main.js');
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** What a command prints under `--json`. Throws with what it says on standard error where it fails. */
export async function jsonOf(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await runProgram(...args, '--json');
  if (status !== 0 || stderr !== '')
    throw new Error(`intentd ${args.join(' ')} exits with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}
