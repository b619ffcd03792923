// A GPU without free memory, as another program makes it.
import { spawn } from 'node:child_process';

/** Why something cannot be tried here. */
export class Skip extends Error {}

/** Fills the GPU, all but so much, until what it returns is called. @throws Skip where it cannot be */
export async function fillGpu(leaveMib) {
  const holder = spawn('python3', ['bench/engine/holdGpuMemory.py', String(leaveMib)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = await new Promise((resolve) => {
    let words = '';
    for (const stream of [holder.stdout, holder.stderr])
      stream.on('data', (chunk) => {
        words += chunk;
        if (words.includes('holding')) resolve(words.trim());
      });
    holder.once('error', (error) => resolve(error.message));
    holder.once('exit', () => resolve(words.trim()));
  });
  if (!said.includes('holding')) throw new Skip(`the GPU cannot be filled: ${said}`);
  console.log(`   ${said}`);
  return async () => {
    if (holder.exitCode !== null) return;
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.stdin.end();
    await ended;
  };
}
