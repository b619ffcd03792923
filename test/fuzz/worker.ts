import { seeded } from '../support/random.js';
import { manifestTarget } from './manifestTarget.js';
import { metadataTarget } from './metadataTarget.js';
import { safetensorsTarget } from './safetensorsTarget.js';

const [name, seconds, firstSeed, only] = process.argv.slice(2) as [string, string, string, string?];
const slowestMs = 2000;
const maxRssMegabytes = 700;

/** What is told to who started it. */
export interface Report {
  /** Where it is: told before the inputs from there on are tried. */
  readonly seed: number;
  readonly executions: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly rssMegabytes: number;
  readonly finding?: string;
  readonly done?: true;
}

const targets = { metadata: metadataTarget, manifest: manifestTarget, safetensors: safetensorsTarget };
const target = await targets[name as keyof typeof targets]();
const outcomes: Record<string, number> = {};
const end = performance.now() + Number(seconds) * 1000;
let executions = 0;
let seed = Number(firstSeed);

function tell(more: Partial<Report> = {}): void {
  const rssMegabytes = Math.round(process.memoryUsage.rss() / 1e6);
  process.send!({ seed, executions, outcomes, rssMegabytes, ...more });
}

let told = 0;
while (only === undefined ? performance.now() < end : executions === 0) {
  if (performance.now() - told > 200) {
    tell();
    told = performance.now();
    if (process.memoryUsage.rss() > maxRssMegabytes * 1e6) {
      tell({ finding: `more than ${maxRssMegabytes} MB of memory` });
      process.exit(1);
    }
    // The message goes out before the next input may hang.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { user } = process.cpuUsage();
  try {
    const outcome = await target.tryOne(seeded(seed));
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  } catch (error) {
    tell({ finding: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
  const tookMs = (process.cpuUsage().user - user) / 1000;
  if (tookMs > slowestMs) tell({ finding: `one input took ${Math.round(tookMs)} ms of processor time` });
  executions++;
  seed++;
}
tell({ done: true });
process.disconnect();
