import { readdir } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { counter, gauge, type MetricFamily } from './family.js';

/** What Prometheus' client libraries say of every process, under their names. */
export async function processFamilies(): Promise<MetricFamily[]> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return [
    counter(
      'process_cpu_seconds_total',
      'Processor time of the daemon, user and system, without its workers.',
      (user + system) / 1e6,
    ),
    gauge(
      'process_start_time_seconds',
      'When the daemon started, in seconds since 1970.',
      performance.timeOrigin / 1000,
    ),
    gauge('process_resident_memory_bytes', 'Resident memory of the daemon, without its workers.', rss),
    gauge('process_open_fds', 'Open file descriptors of the daemon.', await openFiles()),
    gauge('nodejs_heap_size_used_bytes', 'Heap that is in use.', heapUsed),
    gauge('nodejs_heap_size_total_bytes', 'Heap.', heapTotal),
    gauge('nodejs_external_memory_bytes', 'Memory of buffers outside the heap.', external),
  ];
}

/** `null` where the kernel does not tell. */
async function openFiles(): Promise<number | null> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
