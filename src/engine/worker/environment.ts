/**
 * How glibc's malloc serves a worker; other C libraries ignore it. Huge pages, because an inference reads
 * every weight once and looks up the address of every page; and blocks from 256 KiB on straight from the
 * kernel, so that what a bundle was read into goes back to it.
 */
const malloc = 'glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=262144';

/** How programs and libraries are found, and which GPU. */
const passedOn = [
  'PATH',
  'LD_LIBRARY_PATH',
  'LANG',
  'TENSORRT_ROOT',
  'CUDA_ROOT',
  'CUDA_VISIBLE_DEVICES',
] as const;

/**
 * What a worker finds in its environment: none of the daemon's secrets and settings, and `malloc` set up.
 *
 * @param own the daemon's environment; settings of glibc that are already there stay as they are.
 */
export function workerEnvironment(own: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const { GLIBC_TUNABLES = malloc } = own;
  const passed = passedOn.flatMap((name): [string, string][] => {
    const value = own[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(passed), GLIBC_TUNABLES };
}
