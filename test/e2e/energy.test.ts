import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';
import { until } from '../support/until.js';

const current = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input';
const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});

async function started(tree: SysfsTree): Promise<Agent> {
  const agent = new Agent();
  agents.push(agent);
  await agent.start(
    ...['--set', `telemetry.sysfs=${tree.root}`, '--set', 'telemetry.commitSeconds=0.2'],
    ...['--set', 'engine.kind=onnxruntime'],
  );
  return agent;
}

async function ask(agent: Agent): Promise<Record<string, unknown>> {
  const { out } = await intentd('ask', ...agent.options, '--json', 'crack a joke for the two of us');
  return JSON.parse(out) as Record<string, unknown>;
}

/** Asks until the answer is as wished, or a quarter of a minute is over; gives the last. */
async function askUntil(
  agent: Agent,
  wished: (answer: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  const end = performance.now() + 15_000;
  let answer = await ask(agent);
  while (!wished(answer) && performance.now() < end) answer = await ask(agent);
  return answer;
}

/** The newest row of the log, once one is there that was measured. */
async function measuredRow(agent: Agent): Promise<Record<string, unknown>> {
  const end = performance.now() + 15_000;
  let row: Record<string, unknown> = {};
  while (typeof row['energyMj'] !== 'number' && performance.now() < end) {
    const { out } = await intentd('log', ...agent.options, '--json', '-n', '1');
    if (out !== '') row = JSON.parse(out) as Record<string, unknown>;
  }
  return row;
}

const faultsOf = (agent: Agent): unknown[] =>
  agent.log.flatMap(({ msg, reason }) => (msg === 'the power meter gives no samples' ? [reason] : []));

describe('an agent on a board with power rails', () => {
  it('answers with an estimate, and logs what the rails said, with how it was got', async () => {
    const agent = await started(SysfsTree.ofJetson(boards.orinNano));
    const answer = await askUntil(agent, ({ energyMj }) => energyMj !== null);
    expect(answer).toMatchObject({ energyEstimated: true, energyMj: expect.any(Number) as number });
    const row = await measuredRow(agent);
    expect(row).toMatchObject({ meter: 'ina3221', energyHow: expect.stringMatching(/ed$/) as string });
    expect(row['sampleMs']).toBeGreaterThanOrEqual(10);
    // The rail stands still at 5 W: what a request cost is its time at that, and nothing above idle.
    const wholeMj = (5 * (row['inferUs'] as number)) / 1000;
    expect((row['energyMj'] as number) / wholeMj).toBeCloseTo(1, 1);
    expect(await agent.end()).toBe(0);
  }, 60_000);
});

describe('fault 29: under an agent, a rail', () => {
  it('that talks nonsense or hangs makes energy null, and answers go on', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const agent = await started(tree);
    tree.write(current, 'nonsense');
    await until(() => faultsOf(agent).length > 0);
    expect(await ask(agent)).toMatchObject({ intent: 'tell_joke', energyMj: null, energyEstimated: false });
    rmSync(tree.path(current));
    spawnSync('mkfifo', [tree.path(current)]);
    // The next try is five seconds after the one that failed.
    await until(() => faultsOf(agent).includes('a reading has not come back for 500 ms'), 20_000);
    expect(await ask(agent)).toMatchObject({ intent: 'tell_joke', energyMj: null });
    // A thread that hangs in the kernel keeps any process from ending; this one is let go.
    closeSync(openSync(tree.path(current), constants.O_RDWR));
    expect(await agent.end()).toBe(0);
  }, 60_000);
});
