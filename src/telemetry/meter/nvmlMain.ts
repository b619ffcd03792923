import { messageOf } from '../../base/index.js';
import { loadAddon } from '../../engine/index.js';
import { encodeEnergy } from './nvmlMessages.js';

/** A counter that stands still is told this often all the same, in ms: the GPU draws nothing, but lives. */
const stillMs = 1000n * 1_000_000n;

/**
 * The process of the NVML meter: reads the GPU's energy counter every so many milliseconds and tells its
 * changes, until nobody listens. The driver moves the counter in steps of its own.
 */
function main(addon: string, intervalMs: number): void {
  const read = counter(addon);
  process.stdout.write('ready\n');
  process.stdout.on('error', () => process.exit(0));
  process.stdin.on('end', () => process.exit(0)).resume();
  let [last, toldAt] = [-1, 0n];
  setInterval(() => {
    const energy = read();
    const at = process.hrtime.bigint();
    if (energy === last && at - toldAt < stillMs) return;
    [last, toldAt] = [energy, at];
    process.stdout.write(encodeEnergy(at, energy));
  }, intervalMs);
}

function counter(path: string): () => number {
  const addon = loadAddon(path);
  addon.readGpuEnergy();
  return () => addon.readGpuEnergy();
}

try {
  const [, , addon = '', intervalMs] = process.argv;
  main(addon, Number(intervalMs));
} catch (error) {
  process.stdout.write(`none ${messageOf(error).replaceAll(/\s+/g, ' ')}\n`);
  process.exitCode = 1;
}
