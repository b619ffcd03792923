import { readFileSync } from 'node:fs';
import { childrenOf } from '../../dist/cli/bench/memory.js';

/** Ticks of `/proc` are hundredths of a second on every Linux that Node.js runs on. */
const tickMs = 10;

/** Processor time that a process has taken since it began, and that of its children, in ms. */
export function processorMs(pid) {
  return { own: ownMs(pid), children: childrenOf(pid).reduce((sum, child) => sum + ownMs(child), 0) };
}

/** User and system time: the fields 14 and 15, counted from the name, which may hold anything. */
function ownMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Processor time that all processes together have taken since the machine was started, in ms. */
export function machineMs() {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/ +/);
  return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0) * tickMs;
}
