import { afterEach, expect, it } from 'vitest';
import { Agent } from '../support/agent.js';
import { brokerProcesses } from '../support/brokerProcess.js';
import { freePort } from '../support/mosquitto.js';
import { Sender } from '../support/sender.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const kills = 3;
const upMs = 1500;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

it.each(brokerProcesses)(
  'fault 5: %s killed again and again under load loses no request whose sender sends again, and none gets two answers that differ',
  async (_name, process) => {
    const broker = process(await freePort());
    await broker.start();
    cleanups.push(() => broker.kill());
    const agent = new Agent();
    cleanups.push(() => agent.end('SIGKILL'));
    await agent.start('--broker', broker.url);
    const sender = await Sender.connect(broker.url, 'intentd/agent');
    cleanups.push(() => sender.close());

    const load = setInterval(() => {
      sender.send();
    }, 10);
    const again = setInterval(() => {
      sender.sendAgain();
    }, 700);
    for (let kill = 0; kill < kills; kill++) {
      await sleep(upMs);
      await broker.kill();
      await sleep(200);
      await broker.start();
    }
    await sleep(upMs);
    clearInterval(load);
    await sender.settled(10_000);
    clearInterval(again);

    expect(sender.sent).toBeGreaterThan(200);
    expect(sender.open).toEqual([]);
    sender.repeatAll();
    const once = () => [...sender.answers.values()].filter((answers) => answers.length < 2).length;
    for (let tries = 0; tries < 500 && once() > 0; tries++) await sleep(10);
    expect(once()).toBe(0);
    for (const answers of sender.answers.values()) {
      expect(new Set(answers).size).toBe(1);
      expect(answers[0]).toContain('"tell_joke"');
    }
    const waits = agent.log.flatMap(({ msg, waitMs }) =>
      msg === 'no connection to the broker; trying again' ? [Number(waitMs)] : [],
    );
    expect(waits.length).toBeGreaterThanOrEqual(kills);
    expect(new Set(waits).size).toBeGreaterThan(1);
    expect(await agent.end()).toBe(0);
  },
  60_000,
);
