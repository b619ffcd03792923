import { statfsSync } from 'node:fs';
import { IntentdError, availableMemoryBytes } from '../../base/index.js';
import type { RuntimeInfo } from '../tensorrt/addon.js';

const mib = 2 ** 20;
/** What TensorRT's builder and CUDA hold of the host before they see a model. */
const builderBase = 600 * mib;
/** The graph as bytes, as TensorRT's network, as weights of a candidate, and as its plan. */
const copiesOfGraph = 6;
/** Plans, timing cache and report, beside what their writing needs for a moment. */
const copiesOnDisk = 3;
const diskBase = 64 * mib;
/** The tuner finds hardly a tactic with less. */
const leastWorkspace = 64 * mib;

/** What there is, in bytes. */
export interface Available {
  readonly hostMemory: number;
  readonly deviceMemory: number;
  /** GPU and processor share one memory. */
  readonly unified: boolean;
  readonly disk: number;
}

/** What is free now, on the file system of `folder` as well. */
export function availableFor(folder: string, runtime: RuntimeInfo): Available {
  const { bavail, bsize } = statfsSync(folder);
  return {
    hostMemory: availableMemoryBytes(),
    deviceMemory: runtime.memoryFreeBytes,
    unified: runtime.unifiedMemory,
    disk: bavail * bsize,
  };
}

/**
 * The workspace to build with: as configured, and never more than what is free beside the rest.
 *
 * @param graphBytes the larger of the graphs to build
 * @throws IntentdError `no_memory` or `no_disk`, with what is needed and what there is
 */
export function checkResources(
  available: Available,
  graphBytes: number,
  wantedWorkspace: number,
): { readonly workspaceBytes: number } {
  const neededDisk = diskBase + copiesOnDisk * graphBytes;
  if (available.disk < neededDisk) throw lack('no_disk', 'disk', neededDisk, available.disk);
  const host = builderBase + copiesOfGraph * graphBytes;
  const device = copiesOfGraph * graphBytes;
  if (available.unified) {
    // The same memory, counted once: on a Jetson, what the kernel says is available is the GPU's too.
    return within('memory', Math.min(available.hostMemory, available.deviceMemory), host, wantedWorkspace);
  }
  if (available.hostMemory < host) throw lack('no_memory', 'memory', host, available.hostMemory);
  return within('GPU memory', available.deviceMemory, device, wantedWorkspace);
}

function within(what: string, free: number, needed: number, wanted: number): { workspaceBytes: number } {
  const workspaceBytes = Math.min(wanted, free - needed);
  if (workspaceBytes < Math.min(wanted, leastWorkspace)) {
    throw lack('no_memory', what, needed + Math.min(wanted, leastWorkspace), free);
  }
  return { workspaceBytes };
}

function lack(code: string, what: string, needed: number, free: number): IntentdError {
  return new IntentdError(
    code,
    `Building an engine needs ${inMib(needed)} MiB of ${what}, and ${inMib(free)} are free: free some, or set engine.kind to onnxruntime.`,
  );
}

function inMib(bytes: number): number {
  return Math.ceil(bytes / mib);
}
