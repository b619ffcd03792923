import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** By how much a process gives way: it gets a tenth of what another one gets that wants the same processor. */
const step = 10;
const lowest = 19;

let mayReturn: Promise<boolean> | undefined;

/**
 * Lets a process that was just started give way to all others.
 *
 * @returns lets it be like all others again; `undefined` where the system would not allow that, and nothing is changed
 */
export async function giveWay(pid: number): Promise<(() => void) | undefined> {
  const own = getPriority();
  if (!(await mayComeBack(own))) return undefined;
  setIfThere(pid, lowered(own));
  return () => {
    // A priority is a thread's; those of a process that is gone are none.
    for (const thread of threadsOf(pid)) setIfThere(thread, own);
  };
}

/** Only with a limit of its own (`LimitNICE` of systemd) or a privilege may a process come back. */
async function mayComeBack(own: number): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  mayReturn ??= succeeds(`renice -n ${lowered(own)} -p $$ && renice -n ${own} -p $$`);
  return mayReturn;
}

function succeeds(script: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('sh', ['-c', script], { stdio: 'ignore', timeout: 5000 });
    // Without a shell, as with a refusal, nobody gives way.
    child.once('error', () => {
      resolve(false);
    });
    child.once('exit', (code) => {
      resolve(code === 0);
    });
  });
}

function lowered(own: number): number {
  return Math.min(lowest, own + step);
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function setIfThere(thread: number, priority: number): void {
  try {
    setPriority(thread, priority);
  } catch (error) {
    const { code } = (error as { info?: { code?: string } }).info ?? (error as NodeJS.ErrnoException);
    if (code !== 'ESRCH') throw error;
  }
}
