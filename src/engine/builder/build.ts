import { readFileSync } from 'node:fs';
import { bundleFiles, readBundle, type Bundle } from '../../model/index.js';
import { sha256, writeFileAtomic } from '../../base/index.js';
import { engineKey } from '../cache/key.js';
import { openOnnxRuntimeEngine } from '../onnxruntime/open.js';
import { loadAddon, type LogSink, type NativeAddon } from '../tensorrt/addon.js';
import { keyPartsOf } from '../tensorrt/keyParts.js';
import { asOwn } from '../tensorrt/nativeError.js';
import { bucketsFor, profilesFor } from '../tensorrt/shapes.js';
import { BuildShare } from './buildShare.js';
import {
  buildCandidate,
  candidatesFor,
  graphFor,
  type BuildSurroundings,
  type BuiltCandidate,
  type Candidate,
} from './candidates.js';
import { chooseEngine } from './choose.js';
import { agreement, goldenAnswers, inScopeAccuracy } from './goldenAnswers.js';
import { measureEngines } from './measure.js';
import type { CandidateReport, EngineReport } from './report.js';
import { availableFor, checkResources } from './resources.js';
import { Stages, type BuildStatus } from './stages.js';
import type { BuildTask } from './task.js';

/** Rough seconds of each stage on a small device, by which the whole is divided. */
const seconds = { read: 2, firstBuild: 120, nextBuild: 60, golden: 5 };

/**
 * Builds the candidates of a bundle's encoder, measures them, and chooses.
 *
 * @param tell told from the first moment
 * @param sink what TensorRT says
 * @throws IntentdError `no_memory`, `no_disk` before anything is built, `parse_failed`, `build_failed`, …
 */
export async function build(
  task: BuildTask,
  tell: (status: BuildStatus) => void,
  sink: LogSink,
): Promise<{ readonly report: EngineReport; readonly plan: Uint8Array }> {
  const started = performance.now();
  const { settings, paths } = task;
  const candidates = candidatesFor(settings.candidates, settings.attention);
  const stages = new Stages(stagesOf(candidates, task.measureMs), tell, () => performance.now());
  stages.begin('reading the bundle');
  const addon = loadAddon(paths.addon);
  addon.setLogSink(sink);
  const { around, onnx, runtime } = await prepare(task, candidates, addon);
  const built = await buildAll(candidates, around, task.timingCache, stages);
  const { reports, cpu } = await judge(built, around, task.measureMs, stages);
  const choice = chooseEngine(reports, settings.weights);
  const parts = await keyPartsOf(runtime, { onnx: sha256(onnx), encoder: around.encoder }, settings, paths);
  const report: EngineReport = {
    format: 1,
    key: engineKey(parts),
    parts,
    choice,
    candidates: reports,
    cpuInScopeAccuracy: cpu,
    profiles: around.profiles,
    settings,
    workspaceBytes: around.workspaceBytes,
    totalMs: performance.now() - started,
    peakResidentMib: Math.round(process.resourceUsage().maxRSS / 1024),
    builtAt: new Date().toISOString(),
  };
  return { report, plan: built.find(({ candidate }) => candidate.name === choice.name)!.plan };
}

async function prepare(
  { folder, paths, settings, enginesFolder }: BuildTask,
  candidates: readonly Candidate[],
  addon: NativeAddon,
) {
  const runtime = await asOwn(() => addon.runtimeInfo());
  if (settings.attention === 'plugin') {
    await asOwn(() => {
      addon.loadPlugins(paths.plugins);
    });
  }
  const bundle = await readBundle(folder);
  const graphs = candidates.map((candidate) => graphFor(candidate, bundle));
  const available = availableFor(enginesFolder, runtime);
  const most = Math.max(...graphs.map(({ length }) => length));
  const { workspaceBytes } = checkResources(available, most, settings.workspaceMib * 2 ** 20);
  const { positions } = bundle.encoder.architecture;
  const around: BuildSurroundings = {
    addon,
    tensorrt: runtime.tensorrt,
    bundle,
    encoder: bundle.manifest.files[bundleFiles.encoder]!.sha256,
    profiles: profilesFor(positions),
    buckets: bucketsFor(positions),
    workspaceBytes,
    builderLevel: settings.builderLevel,
  };
  return { around, onnx: graphs[0]!, runtime };
}

async function buildAll(
  candidates: readonly Candidate[],
  around: BuildSurroundings,
  timingCacheFile: string,
  stages: Stages,
): Promise<BuiltCandidate[]> {
  const built: BuiltCandidate[] = [];
  let timingCache = knownTimings(timingCacheFile);
  for (const candidate of candidates) {
    const update = stages.begin(`building ${candidate.name}`);
    const share = new BuildShare();
    const one = await buildCandidate(candidate, around, timingCache, (progress) => {
      update(share.note(progress));
    });
    timingCache = one.timingCache;
    built.push(one);
    await writeFileAtomic(timingCacheFile, one.timingCache, { mode: 0o640 });
  }
  return built;
}

/** What earlier builds timed; without it the build takes longer. */
function knownTimings(file: string): Uint8Array | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function judge(
  built: readonly BuiltCandidate[],
  { addon, buckets, bundle, encoder }: BuildSurroundings,
  measureMs: number,
  stages: Stages,
): Promise<{ reports: CandidateReport[]; cpu: number | null }> {
  stages.begin('asking the golden utterances');
  const cpu = bundle.golden.length === 0 ? undefined : await cpuAnswers(bundle, encoder);
  const golden: CandidateReport['golden'][] = [];
  for (const { engine } of built) {
    if (cpu === undefined) golden.push(null);
    else {
      const answers = await goldenAnswers(engine, bundle);
      const { inScope, outOfScope } = agreement(answers, cpu, bundle);
      golden.push({
        utterances: answers.length,
        inScopeAccuracy: inScopeAccuracy(answers, bundle),
        agreement: inScope ?? outOfScope ?? 1,
        outOfScopeAgreement: outOfScope,
      });
    }
  }
  const update = stages.begin('measuring');
  const handles = built.map(({ engine }) => engine.handle);
  const figures = await measureEngines(addon, handles, buckets, measureMs, update);
  for (const { engine } of built) await engine.close();
  const reports = built.map(({ report }, at) => ({ ...report, golden: golden[at]!, buckets: figures[at]! }));
  return { reports, cpu: cpu === undefined ? null : inScopeAccuracy(cpu, bundle) };
}

async function cpuAnswers(bundle: Bundle, digest: string): Promise<number[]> {
  const engine = await openOnnxRuntimeEngine({ encoder: bundle.encoder, digest });
  try {
    return await goldenAnswers(engine, bundle);
  } finally {
    await engine.close();
  }
}

function stagesOf(candidates: readonly Candidate[], measureMs: number) {
  const buckets = bucketsFor(512).length;
  return [
    { step: 'reading the bundle', weight: seconds.read },
    ...candidates.map(({ name }, at) => ({
      step: `building ${name}`,
      weight: at === 0 ? seconds.firstBuild : seconds.nextBuild,
    })),
    { step: 'asking the golden utterances', weight: seconds.golden * candidates.length },
    { step: 'measuring', weight: (candidates.length * buckets * measureMs) / 1000 },
  ];
}
