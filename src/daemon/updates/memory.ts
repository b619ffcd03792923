import { IntentdError } from '../../base/index.js';

const kib = 1024;
const mib = 1024 * kib;

export interface MemoryNeed {
  /** Resident memory of the worker that serves, in KiB. */
  readonly servingKib: number;
  /** What its engine takes beside that, in bytes, as on a GPU that shares the memory. */
  readonly servingDeviceBytes: number;
  /** Sizes of the encoders' files, in bytes. */
  readonly servingEncoderBytes: number;
  readonly trialEncoderBytes: number;
}

/** Memory that a second engine will take, in bytes: what the first one takes, and more where its encoder is larger. */
export function neededBytes(need: MemoryNeed): number {
  const { servingKib, servingDeviceBytes, servingEncoderBytes, trialEncoderBytes } = need;
  return (servingKib * kib + servingDeviceBytes) * Math.max(1, trialEncoderBytes / servingEncoderBytes);
}

/** Sizes in bytes. */
export function noMemory(needed: number, available: number, reserve: number): IntentdError {
  const [takes, free, left] = [needed, available, reserve].map((bytes) => Math.round(bytes / mib));
  return new IntentdError(
    'no_memory',
    `A second engine takes about ${takes!} MiB; ${free!} MiB are free, of which ${left!} are to be left (update.gates.reserveMib): free memory, or lower that setting.`,
  );
}
