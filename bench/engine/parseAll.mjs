// Every graph that a bundle becomes for TensorRT, parsed, built at a low builder level, loaded and run: what
// TensorRT says of each, and its inspector's JSON in OUT_FOLDER.
//
//   node bench/engine/parseAll.mjs OUT_FOLDER [BUNDLE]        needs dist/ and build/Release/
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { candidatesFor, graphFor } from '../../dist/engine/builder/candidates.js';
import { countProducts, parseInspection, plannedLayers } from '../../dist/engine/builder/inspector.js';
import { loadAddon } from '../../dist/engine/tensorrt/addon.js';
import { nativePaths } from '../../dist/engine/tensorrt/paths.js';
import { bucketsFor, profilesFor } from '../../dist/engine/tensorrt/shapes.js';
import { readBundle, sparseLayersOf } from '../../dist/model/index.js';

const [out = '.', folder = 'models/clinc150-minilm-l6'] = process.argv.slice(2);
const paths = nativePaths();
const addon = loadAddon(paths.addon);
console.log(JSON.stringify(addon.runtimeInfo()));
addon.setLogSink((level, message) => {
  if (level === 'fatal' || level === 'error' || level === 'warn') console.log(level, message);
});
const bundle = await readBundle(folder);
const { positions } = bundle.encoder.architecture;
const [profiles, buckets] = [profilesFor(positions), bucketsFor(positions)];
let timingCache;
for (const attention of ['standard', 'plugin']) {
  for (const candidate of candidatesFor('all', attention)) {
    const name = `${candidate.name}-${attention}`;
    try {
      if (attention === 'plugin') addon.loadPlugins(paths.plugins);
      const phases = [];
      const options = {
        profiles,
        sparse: candidate.sparse,
        workspaceBytes: 2 ** 30,
        builderLevel: 1,
        detailedProfiling: true,
      };
      const known = timingCache === undefined ? {} : { timingCache };
      const built = await addon.buildEngine(
        graphFor(candidate, bundle),
        { ...options, ...known },
        (progress) => {
          if (phases.length < 400) phases.push(progress);
        },
      ).done;
      timingCache = built.timingCache;
      const start = performance.now();
      const handle = await addon.loadEngine(built.plan, { buckets, graphs: true });
      const loadMs = performance.now() - start;
      const info = addon.engineInfo(handle);
      writeFileSync(join(out, `inspector-${name}.json`), info.layers);
      writeFileSync(join(out, `progress-${name}.json`), JSON.stringify(phases));
      const layers = parseInspection(info.layers);
      const planned = plannedLayers(layers, sparseLayersOf(bundle.encoder), profiles.length);
      const us = (await addon.warmup(handle, 1, 16, 500)).slice().sort()[250];
      const sparse = planned.map((one) => one.sparse.filter(Boolean).length);
      console.log(
        `${name}: built in ${Math.round(built.buildMs)} ms, loaded in ${Math.round(loadMs)} ms, ${built.plan.length} bytes, ` +
          `${info.deviceBytes} on the device, 1x16 ${us.toFixed(1)} us, products ${JSON.stringify(countProducts(layers))}, ` +
          `planned sparse of ${profiles.length} profiles: ${sparse.join(' ')}`,
      );
      await addon.unloadEngine(handle);
    } catch (error) {
      console.log(`FAIL ${name}: ${error.code} ${error.message}`);
    }
  }
}
