import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stamp = join(root, 'dist', '.built');
const lock = join(root, 'dist', '.building');

/**
 * The folder of the compiled program, made anew where a source is newer: child processes and the
 * command line run what is compiled.
 */
export async function built(): Promise<string> {
  mkdirSync(join(root, 'dist'), { recursive: true });
  for (let tries = 0; !taken(); tries++) {
    if (tries > 1200) throw new Error(`another build seems to hang; remove ${lock}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  try {
    if (newest(join(root, 'src')) > builtAt()) build();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return join(root, 'dist');
}

function taken(): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

function build(): void {
  const started = new Date();
  run(join('typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json');
  run(join('rolldown', 'bin', 'cli.mjs'), '--config');
  closeSync(openSync(stamp, 'w'));
  utimesSync(stamp, started, started);
}

function run(program: string, ...args: string[]): void {
  const command = [join(root, 'node_modules', program), ...args];
  const done = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  if (done.status !== 0) process.stderr.write(done.stdout + done.stderr);
}

function builtAt(): number {
  return statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newest(folder: string): number {
  return Math.max(
    ...readdirSync(folder, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );
}
