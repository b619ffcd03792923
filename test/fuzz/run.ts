import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Report } from './worker.js';

/**
 * `npm run fuzz -- [--seconds N] [--target NAME] [--seed N] [--one]`: spoils valid metadata, manifests and safetensors
 * files, and holds what reads them to this: accepted and valid, or refused with a code; never another exception, a hang
 * or memory without end. All targets at once, each in a process of its own. The same seed makes the same input.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    target: { type: 'string', default: 'metadata,manifest,safetensors' },
    seed: { type: 'string', default: '1' },
    one: { type: 'boolean', default: false },
  },
});
const hangMs = 30_000;
const maxFindings = 5;
const worker = fileURLToPath(new URL('worker.js', import.meta.url));

const begun = performance.now();
const wentWell = await Promise.all(values.target.split(',').map(tell));
process.exitCode = wentWell.includes(false) ? 1 : 0;

/** Fuzzes one target, says what came of it, and gives whether there was no finding. */
async function tell(target: string): Promise<boolean> {
  const { last, findings } = await fuzz(target);
  const seconds = (performance.now() - begun) / 1000;
  const { executions = 0, outcomes = {}, rssMegabytes = 0 } = last ?? {};
  console.log(
    `${target}: ${executions} inputs in ${seconds.toFixed(1)} s, ${rssMegabytes} MB, ${findings.length} findings`,
  );
  const sorted = Object.entries(outcomes).sort(([, a], [, b]) => b - a);
  for (const [outcome, count] of sorted) console.log(`  ${String(count).padStart(9)}  ${outcome}`);
  for (const finding of findings) console.log(`  finding: ${finding}`);
  return findings.length === 0 && last?.done === true;
}

function fuzz(target: string): Promise<{ last: Report | undefined; findings: string[] }> {
  return new Promise((resolve) => {
    const findings: string[] = [];
    let last: Report | undefined;
    const args = [target, values.seconds, values.seed, ...(values.one ? ['one'] : [])];
    const child = fork(worker, args, { execArgv: ['--max-old-space-size=512'] });
    const note = (what: string): void => {
      findings.push(`seed ${last?.seed ?? values.seed}${last === undefined ? '' : ' or after'}: ${what}`);
    };
    let hang = setTimeout(stop, hangMs);
    function stop(): void {
      note(`nothing was heard for ${hangMs / 1000} s`);
      child.kill('SIGKILL');
    }
    child.on('message', (report: Report) => {
      clearTimeout(hang);
      hang = setTimeout(stop, hangMs);
      last = report;
      if (report.finding !== undefined) {
        findings.push(`seed ${report.seed}: ${report.finding}`);
        if (findings.length >= maxFindings) child.kill('SIGKILL');
      }
    });
    child.on('exit', (status, signal) => {
      clearTimeout(hang);
      if (status !== 0 && findings.length === 0) note(`it ended with ${status ?? signal}`);
      resolve({ last, findings });
    });
  });
}
