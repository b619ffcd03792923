// Loading, inferring and unloading again and again: what is not given back shows as growth.

import { embed, expect, mib, note } from './harness.mjs';

/** Buckets of every plan here, the small encoder's, too. */
const one = [{ batch: 1, sequence: 16 }];
const several = [...one, { batch: 4, sequence: 16 }, { batch: 8, sequence: 32 }];
const rows = [
  [1, 2, 3],
  [4, 5],
];
/** What allocators of driver and host may keep of one kind or another. */
const mostDevice = 2 ** 21;
const mostHost = 24 * 2 ** 20;
const warmRounds = 10;
const toldEveryMs = 10_000;

/**
 * Loads the plan, infers and unloads it, so many times and no longer than so many seconds; tells how far it is and
 * the memory in use: after the tenth round, and at the end.
 */
export async function checkRounds(addon, plan, { rounds, seconds }) {
  const began = performance.now();
  const until = began + seconds * 1000;
  const settled = Math.max(warmRounds, Math.min(200, Math.ceil(rounds / 10)));
  let [done, toldAt, early, before] = [0, began, undefined, undefined];
  for (; done < rounds && performance.now() < until; done++) {
    if (done === warmRounds) {
      early = memoryOf(addon);
      note(`in use after ${done} rounds`, wordsOf(early));
    }
    if (done === settled) before = memoryOf(addon);
    await oneRound(addon, plan, done);
    if (performance.now() - toldAt < toldEveryMs) continue;
    toldAt = performance.now();
    const perRound = (toldAt - began) / (done + 1);
    note(
      `${done + 1} of ${rounds} rounds`,
      `${perRound.toFixed(1)} ms each, some ${Math.round(((rounds - done - 1) * perRound) / 1000)} s left; ${wordsOf(memoryOf(addon))}`,
    );
  }
  const after = memoryOf(addon);
  note(`in use after ${done} rounds`, wordsOf(after));
  if (before === undefined) {
    expect('load, infer, unload without growth', false, `${done} of ${rounds} rounds: too few to tell`);
    return;
  }
  const grown = { device: after.device - before.device, host: after.host - before.host };
  expect(
    `load, infer, unload without growth, ${done} of ${rounds} rounds in ${Math.round((performance.now() - began) / 1000)} s`,
    grown.device <= mostDevice && grown.host <= mostHost,
    `device ${mib(grown.device)}, process ${mib(grown.host)} after the first ${settled}; device ${mib(after.device - early.device)} after the first ${warmRounds}`,
  );
}

/** With graphs and without by turns; every tenth engine has several buckets. */
async function oneRound(addon, plan, at) {
  const buckets = at % 10 === 0 ? several : one;
  const engine = await addon.loadEngine(plan, { buckets, graphs: at % 2 === 0 });
  const { hidden } = addon.engineInfo(engine);
  await embed(addon, engine, at % 10 === 0 ? rows : rows.slice(0, 1), hidden);
  await addon.unloadEngine(engine);
}

/** Bytes in use: of the whole GPU, whoever has them, and of this process. */
function memoryOf(addon) {
  const { memoryTotalBytes, memoryFreeBytes } = addon.runtimeInfo();
  return { device: memoryTotalBytes - memoryFreeBytes, host: process.memoryUsage().rss };
}

function wordsOf({ device, host }) {
  return `GPU ${mib(device)}, process ${mib(host)}`;
}
