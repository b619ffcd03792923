import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.js';
import { Mosquitto, freePort, haveMosquitto } from '../support/mosquitto.js';
import { Sender } from '../support/sender.js';

const devices = ['north', 'east', 'south'];

describe.skipIf(!haveMosquitto)('three agents of one pool on mosquitto', () => {
  const agents = devices.map(() => new Agent());
  let broker: Mosquitto;
  let sender: Sender;

  beforeAll(async () => {
    broker = new Mosquitto(await freePort());
    await broker.start();
    const options = ['--broker', broker.url, '--set', 'broker.pools=home'];
    await Promise.all(agents.map((agent, at) => agent.start(...options, '--device', devices[at]!)));
    for (const { log } of agents) await logged(log, 'sharing requests of the pools');
    sender = await Sender.connect(broker.url, 'intentd/pool/home');
  }, 120_000);

  afterAll(async () => {
    await sender.close();
    for (const agent of agents) await agent.end('SIGKILL');
    await broker.kill();
  });

  it('share its requests evenly, within 20 %, each answered once', async () => {
    for (let burst = 0; burst < 30; burst++) {
      sender.send(10);
      await sender.settled(5000);
    }
    expect(sender.open).toEqual([]);
    const by = devicesOf(sender);
    expect(by).toHaveLength(300);
    for (const device of devices) {
      const share = by.filter((name) => name === device).length;
      expect(share).toBeGreaterThanOrEqual(80);
      expect(share).toBeLessThanOrEqual(120);
    }
  }, 60_000);

  it('lose one, and what it held is answered by another when it is sent again', async () => {
    const [dying] = agents;
    // Stopped, it takes what the broker gives it, and answers nothing.
    process.kill(dying!.pid, 'SIGSTOP');
    sender.send(30);
    await sender.settled(5000, 10);
    const held = sender.open;
    expect(held.length).toBeGreaterThanOrEqual(5);
    await dying!.end('SIGKILL');
    sender.sendAgain();
    await sender.settled(5000);
    expect(sender.open).toEqual([]);
    for (const id of held) expect(deviceOf(sender.answers.get(id)![0]!)).not.toBe(devices[0]);
  }, 60_000);

  it('go on without it: nothing waits for the dead one', async () => {
    const before = sender.sent;
    sender.send(30);
    await sender.settled(5000);
    expect(sender.open).toEqual([]);
    const late = [...sender.answers].filter(([id]) => Number(id.split('-')[1]) >= before);
    expect(new Set(late.map(([, answers]) => deviceOf(answers[0]!)))).toEqual(new Set(devices.slice(1)));
  });
});

function deviceOf(answer: string): string {
  return (JSON.parse(answer) as { device: string }).device;
}

/** Who answered, answer by answer. */
function devicesOf(sender: Sender): string[] {
  return [...sender.answers.values()].flatMap((answers) => answers.map(deviceOf));
}

async function logged(log: readonly Record<string, unknown>[], message: string): Promise<void> {
  for (let tries = 0; tries < 1000 && !log.some(({ msg }) => msg === message); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
