import { readBundle } from '../../model/index.js';
import { bundleFolder } from '../../daemon.js';
import type { DaemonFigures } from './daemonFigures.js';
import { LoadClient } from './loadClient.js';
import { measureAdmission, measureAgent, one, type MeasureOptions } from './measureDaemon.js';
import { OwnAgent } from './subject.js';

type RunOptions = Omit<MeasureOptions, 'texts'>;

/** Starts an agent and measures it; then one without inference, for what it admits. */
export async function measureOwnAgent(
  run: RunOptions,
  agentOptions: readonly string[],
): Promise<DaemonFigures> {
  const options = { ...run, texts: await textsOf(run) };
  const began = performance.now();
  run.progress.update(0, 1, 'starting an agent');
  const agent = await OwnAgent.start(agentOptions);
  try {
    const startMs = await firstAnswer(agent, options, began);
    const figures = await measureAgent(agent, options);
    await agent.stop();
    return { ...figures, startMs, admission: await measureAdmission(options, agentOptions) };
  } finally {
    await agent.stop();
  }
}

/** Measures an agent that others started. */
export async function measureRunningAgent(
  run: RunOptions,
  url: string,
  pid: number | undefined,
): Promise<DaemonFigures> {
  const options = { ...run, texts: await textsOf(run) };
  const figures = await measureAgent({ url, pid }, options);
  return { ...figures, startMs: undefined, admission: undefined };
}

async function firstAnswer(agent: OwnAgent, options: MeasureOptions, began: number): Promise<number> {
  const client = await LoadClient.connect(options.config, agent.url);
  await one(client, options.texts[0]!, 1);
  const startMs = performance.now() - began;
  await client.close();
  return startMs;
}

/** Utterances of the bundle's own check: of its language, and as long as it expects them. */
async function textsOf({ config }: RunOptions): Promise<string[]> {
  const { golden } = await readBundle(bundleFolder(config.model.bundles[0]!));
  return golden.map(({ text }) => text);
}
