import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../base/index.js';
import { isolation, nativePaths } from '../../engine/index.js';
import { bytes } from '../format.js';
import { failure, ok, warning, type Finding } from './finding.js';

const oldestNode = [20, 19] as const;
const neededMemory = 400 * 2 ** 20;
const neededDisk = 500 * 2 ** 20;

export function nodeVersion(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  return enough
    ? ok('Node.js', version)
    : failure('Node.js', version, `intentd needs Node.js ${oldestNode.join('.')} or newer.`);
}

export function stateDirectory(folder: string): Finding {
  const probe = join(folder, `.doctor-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    return failure(
      'state directory',
      messageOf(error),
      `The agent must be able to write to ${folder}; choose another with --state-dir, or run as its user.`,
    );
  }
  return ok('state directory', folder);
}

export function diskSpace(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return free >= neededDisk
    ? ok('disk', `${bytes(free)} free`)
    : warning('disk', `${bytes(free)} free`, `Updates and the request log want ${bytes(neededDisk)}.`);
}

/** @param free bytes that programs can still have */
export function memory(free = availableMemory()): Finding {
  return free >= neededMemory
    ? ok('memory', `${bytes(free)} free`)
    : warning('memory', `${bytes(free)} free`, `The agent and its worker want ${bytes(neededMemory)}.`);
}

export function workerIsolation(): Finding {
  return isolation() === 'namespace'
    ? ok('worker isolation', 'workers have no network')
    : warning(
        'worker isolation',
        'this kernel lets no network namespace be made',
        'Engine workers could reach the network; allow user namespaces, or accept it.',
      );
}

export function gpu(): Finding {
  const devices = ['/dev/nvhost-gpu', '/dev/nvgpu', '/dev/nvidia0'].filter((path) => existsSync(path));
  const libraries = ['/usr/lib/aarch64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/usr/local/lib']
    .flatMap((folder) => entriesOf(folder, /^libnvinfer\.so/))
    .slice(0, 1);
  if (devices.length > 0 && libraries.length > 0 && nativePaths() === undefined) {
    return warning(
      'TensorRT',
      `${libraries[0]!}, but the addon of intentd is not built`,
      'The CPU engine serves; npm run build:native makes TensorRT serve.',
    );
  }
  if (devices.length > 0 && libraries.length > 0)
    return ok('TensorRT', `${libraries[0]!}, GPU at ${devices[0]!}`);
  const missing = devices.length === 0 ? 'no NVIDIA GPU' : 'a GPU, but no TensorRT';
  return warning('TensorRT', missing, 'The CPU engine (ONNX Runtime) serves; that needs neither.');
}

function availableMemory(): number {
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(readText('/proc/meminfo'))?.[1];
  return kib === undefined ? freemem() : Number(kib) * 1024;
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}

/** Paths of a folder's entries whose names match; none where there is no such folder. */
function entriesOf(folder: string, name: RegExp): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((entry) => name.test(entry))
    .map((entry) => join(folder, entry));
}
