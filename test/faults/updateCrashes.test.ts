import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CrashDevice, type DeviceSetup } from '../support/crash/crashDevice.js';
import { crashPointsOf, type CrashState } from '../support/crash/crashPoints.js';
import { writeImage } from '../support/crash/diskImage.js';
import { Story, scenarios, type Scenario } from '../support/crash/scenarios.js';

/** Every state of every scenario, or a part that is spread over all of them. */
const isWhole = process.env['FULL_FAULTS'] === '1';
const tried = 10;

const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const base = mkdtempSync(join(place, 'intentd-crashes-'));
let all = 0;

afterAll(() => {
  rmSync(base, { recursive: true, force: true });
  console.log(`${all} crash points in ${scenarios.length} scenarios`);
});

/** Starts a device from what a power cut left, and holds it to old or new, and then to the end of the story. */
async function recover(state: CrashState, scenario: Scenario, setup: DeviceSetup): Promise<void> {
  const stateDir = join(base, 'after');
  rmSync(stateDir, { recursive: true, force: true });
  mkdirSync(stateDir);
  writeImage(state.image, stateDir);
  const device = new CrashDevice(stateDir, setup);
  await device.active.read();
  expect(device.active.forgotten).toBe(false);
  for (const [family, versions] of Object.entries(scenario.allowed)) {
    expect(versions).toContain(await device.served(family));
  }
  try {
    await device.boot();
    await device.idle();
    await scenario.during(device);
    for (const [family, version] of Object.entries(scenario.final)) {
      expect(await device.served(family)).toBe(version);
    }
    expect(device.leftovers()).toEqual([]);
    expect((await scenario.holds?.(device)) ?? true).toBe(true);
  } finally {
    await device.stop();
  }
}

describe('fault 23: power is cut at every durable operation', () => {
  it.each(scenarios)(
    'of $name: wholly the old or wholly the new, and then the update completes',
    async (scenario) => {
      const stateDir = join(base, 'device');
      rmSync(stateDir, { recursive: true, force: true });
      mkdirSync(stateDir);
      const story = new Story(stateDir);
      await scenario.before(story);
      await scenario.published?.(story.fleet);
      const setup = story.setup(scenario.setup);
      const { count, states } = await crashPointsOf(stateDir, async () => {
        const device = await new CrashDevice(stateDir, setup).boot();
        await device.idle();
        await scenario.during(device);
        await device.stop();
      });
      all += count;
      const step = isWhole ? 1 : Math.max(1, Math.floor(states.length / tried));
      const chosen = states.filter((_, at) => at % step === 0);
      console.log(
        `${count} crash points: ${scenario.name} (${chosen.length} of ${states.length} states tried)`,
      );
      const after = story.setup(scenario.after ?? scenario.setup);
      for (const state of chosen) {
        try {
          await recover(state, scenario, after);
        } catch (error) {
          const { point, kind, operation } = state;
          throw new Error(`point ${point} (${operation}), ${kind}`, { cause: error });
        }
      }
      rmSync(story.fleet.folder, { recursive: true, force: true });
    },
    isWhole ? 1_200_000 : 120_000,
  );
});
