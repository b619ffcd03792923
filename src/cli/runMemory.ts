import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const restMs = 5000;
/** Share of a rest that may be spent on anything but waiting: metrics, heartbeats, samples of a meter. */
const restShare = 0.02;
/** Work that leaves behind what is worth a collection, in ms of the event loop. */
const worthMs = 500;

/**
 * How V8 keeps the memory of an agent. The young generation starts at 1 MiB and stays there: what one request
 * leaves behind is small and dies soon; left to V8 it grows to 32 MiB, a quarter of the agent's memory. It is
 * collected by the thread that serves alone: helpers would have to be waited for on a processor that the engine
 * keeps busy. And the old generation is collected when it has grown by a fifth, not when it has doubled.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--heap-growing-percent=20');
}

/**
 * Gives memory back: now, what starting took, for bundles are read as text and parsed, four times what is kept
 * of them; and after every spell of work, once nothing was to do for a while, what that left.
 */
export function giveMemoryBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  const all = { type: 'major', flavor: 'last-resort' };
  collect(all);
  let before = performance.eventLoopUtilization();
  let workedMs = worthMs;
  const look = (): void => {
    const since = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    workedMs += since.active;
    if (workedMs < worthMs || !isRest(since)) return;
    collect(all);
    workedMs = 0;
    before = performance.eventLoopUtilization();
  };
  setInterval(look, restMs).unref();
}

function isRest({ utilization }: EventLoopUtilization): boolean {
  return utilization < restShare;
}
