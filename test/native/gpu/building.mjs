// Builds: engines, progress, cancellation, and graphs that TensorRT refuses.

import { expect, expectCode, mib, ms, note } from './harness.mjs';
import { buildOptions, defaultProfiles, tinyProfiles } from './models.mjs';

const ignore = () => undefined;

/** Builds an engine twice: the second time with the timings of the first. */
export async function checkBuild(addon, name, onnx, profiles, more) {
  const steps = [];
  const first = await addon.buildEngine(onnx, buildOptions(profiles, more), (step) => steps.push(step)).done;
  const phases = new Set(steps.map((step) => step.phase));
  expect(
    `${name} is built`,
    first.plan.length > 0,
    `${mib(first.plan.length)} in ${Math.round(first.buildMs)} ms`,
  );
  expect(
    'progress is told',
    steps.length > 0,
    `${steps.length} steps of ${phases.size} phases: ${[...phases].slice(0, 8).join(', ')}`,
  );
  expect(
    'a step lies within its phase, a phase within another',
    steps.every(({ step, steps: all, depth }) => step >= 0 && step <= all && depth >= 0) &&
      steps.some(({ depth }) => depth > 0),
  );
  const outer = steps
    .filter(({ depth }) => depth === 0)
    .map(({ phase, step, steps: all }) => `${phase} ${step}/${all}`);
  note('outermost', outer.join('; '));
  return first;
}

export async function checkTimingCache(addon, onnx, built) {
  const again = await addon.buildEngine(
    onnx,
    buildOptions(defaultProfiles, { timingCache: built.timingCache }),
    ignore,
  ).done;
  expect(
    'a timing cache makes the next build faster',
    again.buildMs < 0.8 * built.buildMs,
    `${Math.round(built.buildMs)} ms, then ${Math.round(again.buildMs)} ms; cache ${mib(built.timingCache.length)}`,
  );
}

export async function checkCancellation(addon, onnx) {
  let at = 0;
  let steps = 0;
  const build = addon.buildEngine(onnx, buildOptions(defaultProfiles), () => {
    if (++steps === 40) {
      at = performance.now();
      build.cancel();
    }
  });
  await expectCode('a build that is cancelled half-way ends', 'CANCELLED', /cancelled/, () => build.done);
  note('from cancel to its end', `${ms(at)} ms`);
  build.cancel();

  const early = addon.buildEngine(onnx, buildOptions(defaultProfiles), ignore);
  early.cancel();
  await expectCode('a build that is cancelled at once ends', 'CANCELLED', /cancelled/, () => early.done);
}

export async function checkRefusals(addon, onnx) {
  const build = (graph, more = {}) => addon.buildEngine(graph, buildOptions(tinyProfiles, more), ignore).done;
  await expectCode('no ONNX', 'PARSE_FAILED', /parser refuses/, () => build(new Uint8Array(1000).fill(7)));
  await expectCode('half an ONNX', 'PARSE_FAILED', /parser refuses/, () =>
    build(onnx.slice(0, onnx.length >> 1)),
  );
  const { plan } = await build(onnx, { timingCache: new Uint8Array(100).fill(1) });
  expect('a timing cache of nonsense is left out', plan.length > 0);
  const wide = [{ min: [1, 1], opt: [1, 512], max: [1, 4096] }];
  await expectCode('more tokens than the positions that the encoder has', 'BUILD_FAILED', /./, () =>
    build(onnx, { profiles: wide }),
  );
}
