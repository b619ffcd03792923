import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  askPlugin,
  bertBase,
  create,
  lastAnswer,
  missingPlugins,
  pluginBuilds,
} from '../support/pluginProbe.js';

const tensorRt = `${process.env['INTENTD_TENSORRT_LIB'] ?? ''}/libnvinfer.so.10`;
const hasGpu = existsSync('/dev/nvidiactl') || existsSync('/dev/nvmap');

const read = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });

/** The newest version of a library's symbols that the file needs: `GLIBC` → [2, 34]. */
function newest(versions: string, of: string): [number, number] {
  const found = [...versions.matchAll(new RegExp(`${of}_(\\d+)\\.(\\d+)(?:\\.(\\d+))?`, 'g'))];
  const numbers = found.map(([, major, minor, patch]) => [Number(major), Number(`${minor}.${patch ?? 0}`)]);
  return numbers.toSorted((a, b) => a[0]! - b[0]! || a[1]! - b[1]!).at(-1) as [number, number];
}

describe.skipIf(missingPlugins)('libintentd_plugins.so', () => {
  describe.each(pluginBuilds)('$folder', (build) => {
    it('lets out what the registry looks up and nothing else', () => {
      const symbols = read('nm', '--dynamic', '--defined-only', '--format=just-symbols', build.library);
      expect(symbols.trim().split('\n').toSorted()).toEqual(['getCreators', 'setLoggerFinder']);
    });

    it('is linked against neither TensorRT nor CUDA', () => {
      const needed = read('readelf', '--dynamic', '--wide', build.library).match(/NEEDED.*/g) ?? [];
      expect(needed.length).toBeGreaterThan(0);
      expect(needed.filter((line) => /nv|cuda/i.test(line))).toEqual([]);
    });

    it("needs no symbol newer than Ubuntu 22.04's: glibc 2.35, libstdc++ 3.4.30", () => {
      const versions = read('readelf', '--version-info', '--wide', build.library);
      const [, glibc] = newest(versions, 'GLIBC');
      expect(glibc).toBeLessThanOrEqual(35);
      const [, libstdcxx] = newest(versions, 'GLIBCXX');
      expect(libstdcxx).toBeLessThanOrEqual(4.3);
    });

    it.skipIf(hasGpu)('says that there is no driver where an engine would run', () => {
      for (const command of ['attach', 'change 1x16x2304 1']) {
        const answer = lastAnswer(build, create(bertBase), command);
        expect(answer.ok).toBe(false);
        expect(answer.log).toEqual([
          expect.stringMatching(/cannot load its kernels: CUDA error \d+, no CUDA driver/),
        ]);
      }
    });
  });

  const ten = pluginBuilds.filter(({ folder }) => !folder.endsWith('-11'));
  it.skipIf(!existsSync(tensorRt)).each(ten)(
    "is loaded by TensorRT 10's own registry, which finds the creator (INTENTD_TENSORRT_LIB): $folder",
    (build) => {
      const { answers, stderr } = askPlugin(
        build,
        [create(bertBase), 'shapes BxSx2304 B', create({ heads: 'i=12' })],
        tensorRt,
      );
      expect(answers.map(({ ok }) => ok)).toEqual([true, true, false]);
      expect(stderr).toContain('LocalGlobalAttention node: attribute windowEachSide is missing');
    },
  );
});
