import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addonFile, inProcess, named, noAddon } from './support.js';

const noCompiler = (() => {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no C compiler is here';
  }
})();

const tellRuntime = 'try { console.log(addon.runtimeInfo()) } catch (error) { console.log(told(error)) }';

/** What a driver says that every function of answers with the same. */
const driver = (answer: number) => `
  int cuInit(unsigned flags) { return ${answer}; }
  int cuDeviceGetCount(int *count) { *count = 0; return 0; }
  int cuGetErrorName(int error, const char **name) { *name = "CUDA_ERROR_SYSTEM_NOT_READY"; return 0; }
  int cuGetErrorString(int error, const char **text) { *text = "system not yet initialized"; return 0; }
  ${[
    'DriverGetVersion DeviceGet DeviceGetName DeviceGetUuid DeviceGetPCIBusId DeviceGetAttribute DeviceTotalMem_v2',
    'DevicePrimaryCtxRetain CtxSetCurrent MemGetInfo_v2 MemAlloc_v2 MemFree_v2 MemHostAlloc MemFreeHost',
    'MemcpyHtoDAsync_v2 MemcpyDtoHAsync_v2 StreamCreate StreamDestroy_v2 StreamSynchronize StreamBeginCapture_v2',
    'StreamEndCapture GraphDestroy GraphInstantiateWithFlags GraphExecDestroy GraphLaunch EventCreate',
    'EventDestroy_v2 EventRecord EventElapsedTime',
  ]
    .join(' ')
    .split(' ')
    .map((name) => `int cu${name}() { return ${answer}; }`)
    .join('\n')}`;

const tensorRt = (version: number) => `
  int getInferLibVersion() { return ${version}; }
  void *createInferBuilder_INTERNAL() { return 0; }
  void *createInferRuntime_INTERNAL() { return 0; }
  void *getPluginRegistry() { static long registry; return &registry; }`;

describe.skipIf(noAddon ?? noCompiler)(named('finding TensorRT and CUDA', noAddon ?? noCompiler), () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'intentd-native-'))));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** A folder with these libraries, made of C. */
  function libraries(sources: Readonly<Record<string, string>>): string {
    const at = mkdtempSync(join(folder, 'root-'));
    for (const [name, source] of Object.entries(sources)) {
      const input = join(at, 'source.c');
      writeFileSync(input, source);
      execFileSync('cc', ['-w', '-shared', '-fPIC', `-Wl,-soname,${name}`, '-o', join(at, name), input]);
    }
    return at;
  }
  const runtimeWith = async (root: string) => {
    const { stdout } = await inProcess(addonFile, tellRuntime, {
      TENSORRT_ROOT: root,
      LD_LIBRARY_PATH: root,
    });
    return stdout.trim();
  };

  it('loads where there is neither, and says what is missing', async () => {
    const told = await runtimeWith(libraries({}));
    expect(told).toMatch(/^NO_TENSORRT TENSORRT_ROOT names .*, which holds no libnvinfer\.so\.1\d/);
  });

  it('says that a library under TENSORRT_ROOT is no library', async () => {
    const root = libraries({});
    writeFileSync(join(root, 'libnvinfer.so.10'), 'text');
    writeFileSync(join(root, 'libnvinfer.so.11'), 'text');
    expect(await runtimeWith(root)).toMatch(
      /^NO_TENSORRT .*libnvinfer\.so\.1\d: (file too short|invalid ELF header)/,
    );
  });

  it('says that a library under TENSORRT_ROOT is not TensorRT', async () => {
    const root = libraries({ 'libnvinfer.so.10': 'int other;', 'libnvinfer.so.11': 'int other;' });
    expect(await runtimeWith(root)).toMatch(/^WRONG_VERSION .* has no getInferLibVersion/);
  });

  it.each([
    [
      '8',
      { 'libnvinfer.so.8': tensorRt(8600) },
      /^WRONG_VERSION .* holds TensorRT 8, and this addon is built for/,
    ],
    [
      '10.2',
      { 'libnvinfer.so.10': tensorRt(100200) },
      /^WRONG_VERSION .* is TensorRT 10\.2\.0, .* needs 10\.3/,
    ],
    [
      '12 under the name of 10',
      { 'libnvinfer.so.10': tensorRt(120000) },
      /^WRONG_VERSION .* is TensorRT 12\.0\.0/,
    ],
  ])('refuses TensorRT %s', async (_, sources, words) => {
    const other = Object.fromEntries(
      Object.entries(sources).map(([name, source]) => [name.replace('10', '11'), source]),
    );
    expect(await runtimeWith(libraries({ ...other, ...sources }))).toMatch(words);
  });

  const taken = { 'libnvinfer.so.10': tensorRt(100600), 'libnvinfer.so.11': tensorRt(110400) };

  it('says that the driver is missing', async () => {
    const told = await runtimeWith(libraries({ ...taken, 'libcuda.so.1': 'int other;' }));
    expect(told).toMatch(/^NO_CUDA libcuda\.so\.1 has no cuInit: it is too old or not NVIDIA's driver/);
  });

  it.each([
    ['sees no GPU', 100, /^NO_GPU The NVIDIA driver sees no GPU/],
    ['counts none', 0, /^NO_GPU/],
    ['does not start', 802, /^NO_CUDA .* CUDA_ERROR_SYSTEM_NOT_READY \(802\): system not yet initialized/],
  ])('tells of a driver that %s, for builds and loads too', async (_, answer, words) => {
    const root = libraries({ ...taken, 'libcuda.so.1': driver(answer) });
    expect(await runtimeWith(root)).toMatch(words);
    const { stdout, status } = await inProcess(
      addonFile,
      `const options = { profiles: [{ min: [1, 1], opt: [1, 8], max: [1, 8] }], sparse: true, workspaceBytes: 1,
         builderLevel: 0, detailedProfiling: true };
       const build = addon.buildEngine(Uint8Array.of(1), options, () => undefined);
       const load = addon.loadEngine(Uint8Array.of(1), { buckets: [{ batch: 1, sequence: 8 }], graphs: true });
       for (const { reason } of await Promise.allSettled([build.done, load])) console.log(told(reason));`,
      { TENSORRT_ROOT: root, LD_LIBRARY_PATH: root },
    );
    expect(status).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(words);
  });

  it('has no meter where there is no NVML', async () => {
    const root = libraries({ 'libnvidia-ml.so.1': 'int other;' });
    const { stdout } = await inProcess(
      addonFile,
      'try { addon.readGpuEnergy() } catch (error) { console.log(told(error)) }',
      {
        LD_LIBRARY_PATH: root,
      },
    );
    expect(stdout).toMatch(/^NO_METER libnvidia-ml\.so\.1 has no nvmlInit_v2/);
  });

  it('names what is wrong with a plugin library', async () => {
    const root = libraries({ ...taken, 'other.so': 'int other;' });
    const load = (path: string) =>
      inProcess(
        addonFile,
        `try { addon.loadPlugins('${path}') } catch (error) { console.log(told(error)) }`,
        {
          TENSORRT_ROOT: root,
        },
      );
    expect((await load('/nowhere.so')).stdout).toMatch(
      /^PLUGIN The plugin library \/nowhere\.so cannot be opened/,
    );
  });
});
