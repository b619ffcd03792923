import type { Config } from '../../config/index.js';
import { bundleFolder } from '../../daemon.js';
import type { Progress } from '../progress.js';
import { measureBareEngine, type BareEngine } from './bareEngine.js';
import type { DaemonFigures, LatencyFigures, OverloadFigures, SustainedFigures } from './daemonFigures.js';
import { closedLoop, openLoop } from './load.js';
import { LoadClient, type Qos } from './loadClient.js';
import { MemoryWatch, childrenOf, residentMib } from './memory.js';
import { OwnAgent } from './subject.js';
import { percentilesOf, Tally } from './tally.js';

/** The agent to measure. */
export interface Subject {
  readonly url: string;
  /** Where it runs on this machine and is known. */
  readonly pid: number | undefined;
}

export interface MeasureOptions {
  readonly config: Config;
  readonly texts: readonly string[];
  /** How long the overload lasts; the other loads last at most ten seconds each. */
  readonly seconds: number;
  readonly progress: Progress;
}

/** Longer than any queue: loads that are not about deadlines must not meet them. */
const patientMs = 10_000;
const overloadDeadlineMs = 100;
const overloadTimes = 3;
const warmUps = 100;
const outstanding = 64;
const admissionOutstanding = 256;
const longestLoadSeconds = 10;
const restMs = 12_000;

/** Measures a running agent: latency, throughput, overload and memory, and the engine without it. */
export async function measureAgent(
  subject: Subject,
  options: MeasureOptions,
): Promise<Omit<DaemonFigures, 'admission' | 'startMs'>> {
  const client = await LoadClient.connect(options.config, subject.url);
  try {
    const first = await latency(client, 0, options);
    const idleMib = await idleMibOf(subject, options);
    const latencies = [first.figures, (await latency(client, 1, options)).figures];
    const before = await bareEngine(options, first.model);
    const sustained = [await sustain(client, 0, options), await sustain(client, 1, options)];
    const after = await bareEngine(options, first.model);
    const most = Math.max(...sustained.map(({ perSecond }) => perSecond));
    const overload = await overloadOf(client, subject, most * overloadTimes, options);
    return {
      model: first.model,
      latency: latencies,
      bare: bestOf(before, after),
      sustained,
      overload,
      idleMib,
      workerMib: workerMibOf(subject),
    };
  } finally {
    await client.close();
  }
}

/** Messages a second through an agent whose engine answers without inference. */
export async function measureAdmission(
  options: MeasureOptions,
  agentOptions: readonly string[],
): Promise<{ perSecond: number; outstanding: number }> {
  const agent = await OwnAgent.start([...agentOptions, '--set', 'engine.kind=none']);
  try {
    const client = await LoadClient.connect(options.config, agent.url);
    const load = { ...loadOptions(0, options, 'admission without inference') };
    await closedLoop(client, { ...load, seconds: 1, outstanding: admissionOutstanding });
    const { perSecond } = await closedLoop(client, { ...load, outstanding: admissionOutstanding });
    await client.close();
    return { perSecond, outstanding: admissionOutstanding };
  } finally {
    await agent.stop();
  }
}

async function latency(
  client: LoadClient,
  qos: Qos,
  options: MeasureOptions,
): Promise<{ figures: LatencyFigures; model: string | undefined }> {
  const load = loadOptions(qos, options, `one at a time, QoS ${qos}`);
  for (let at = 0; at < warmUps; at++) await one(client, options.texts[at % options.texts.length]!, qos);
  const tally = await closedLoop(client, { ...load, outstanding: 1 });
  const figures = {
    qos,
    requests: tally.answered,
    ...percentilesOf(tally.roundTripsMs),
    engineP50Ms: percentilesOf(tally.inferMs).p50Ms,
  };
  return { figures, model: tally.model };
}

/** Asks once; gives up with the request's own deadline. */
export async function one(client: LoadClient, text: string, qos: Qos): Promise<Tally> {
  const tally = new Tally();
  await new Promise<void>((resolve) => {
    const patience = setTimeout(resolve, patientMs);
    client.send({ text, deadlineMs: patientMs }, qos, (outcome) => {
      clearTimeout(patience);
      tally.note(outcome);
      resolve();
    });
  });
  return tally;
}

async function sustain(client: LoadClient, qos: Qos, options: MeasureOptions): Promise<SustainedFigures> {
  const load = loadOptions(qos, options, `sustained, QoS ${qos}`);
  const { perSecond, refused, silent } = await closedLoop(client, { ...load, outstanding });
  return { qos, outstanding, perSecond, refused, silent };
}

async function overloadOf(
  client: LoadClient,
  { pid }: Subject,
  perSecond: number,
  options: MeasureOptions,
): Promise<OverloadFigures> {
  const { seconds } = options;
  const watch = pid === undefined ? undefined : new MemoryWatch(pid, 250);
  const before = client.unasked;
  const load = loadOptions(1, options, `overload, ${Math.round(perSecond)} a second`);
  const tally = await openLoop(client, { ...load, deadlineMs: overloadDeadlineMs, seconds, perSecond });
  return {
    seconds,
    offeredPerSecond: perSecond,
    deadlineMs: overloadDeadlineMs,
    sent: tally.sent,
    answered: tally.answered,
    refused: Object.fromEntries(tally.codes),
    silent: tally.silent,
    repeated: client.unasked - before,
    served: percentilesOf(tally.roundTripsMs),
    refusals: percentilesOf(tally.refusalsMs),
    daemon: watch?.end(),
  };
}

/** The engine of the bundle that answers; `undefined` where this machine's configuration has another. */
async function bareEngine(
  { config, progress, seconds, texts }: MeasureOptions,
  model: string | undefined,
): Promise<BareEngine | undefined> {
  progress.update(0, 1, 'the engine alone');
  const folder = bundleFolder(config.model.bundles[0]!);
  const bare = await measureBareEngine(folder, {
    texts,
    threads: config.engine.threads,
    seconds: Math.min(3, seconds),
  });
  return bare.model === model ? bare : undefined;
}

/** What shares a processor with others has slow moments: an engine that is slower alone was measured in one. */
function bestOf(one: BareEngine | undefined, other: BareEngine | undefined): BareEngine | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const { perSecond, batchSize } = one.perSecond > other.perSecond ? one : other;
  return { model: one.model, perSecond, batchSize, p50Ms: Math.min(one.p50Ms, other.p50Ms) };
}

/** Memory of an agent that was asked much, once it has rested: it gives back then what it took for that. */
async function idleMibOf({ pid }: Subject, { progress }: MeasureOptions): Promise<number | undefined> {
  if (pid === undefined) return undefined;
  progress.update(0, 1, 'at rest');
  await new Promise((resolve) => setTimeout(resolve, restMs));
  return residentMib(pid);
}

function workerMibOf({ pid }: Subject): number | undefined {
  if (pid === undefined) return undefined;
  const sizes = childrenOf(pid).map((child) => residentMib(child) ?? 0);
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

function loadOptions(qos: Qos, options: MeasureOptions, label: string) {
  const seconds = Math.min(longestLoadSeconds, options.seconds);
  return {
    texts: options.texts,
    qos,
    deadlineMs: patientMs,
    seconds,
    onSecond: (passed: number) => {
      options.progress.update(Math.min(Math.round(passed), options.seconds), options.seconds, label);
    },
  };
}
