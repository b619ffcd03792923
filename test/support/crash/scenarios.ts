import { Fleet } from '../fleet.js';
import { figure } from '../updateWorld.js';
import type { TinyBundleOptions } from '../tinyBundle.js';
import { CrashDevice, type DeviceSetup } from './crashDevice.js';

/** What a device goes through while its power may be cut at any moment. */
export interface Scenario {
  readonly name: string;
  /** Publishes what there is at first, and what the device went through before. */
  readonly before: (story: Story) => Promise<void>;
  /** What is published after that. */
  readonly published?: (fleet: Fleet) => Promise<void>;
  /** What the device is, while power may be cut. */
  readonly setup?: Partial<DeviceSetup>;
  /** What it does then; it can be asked to do it again. */
  readonly during: (device: CrashDevice) => Promise<void>;
  /** What it is once power is back; as before if absent. */
  readonly after?: Partial<DeviceSetup>;
  /** Versions that may serve after a cut, by family. */
  readonly allowed: Readonly<Record<string, readonly (string | undefined)[]>>;
  /** What serves in the end. */
  readonly final: Readonly<Record<string, string>>;
  /** What else must hold then. */
  readonly holds?: (device: CrashDevice) => Promise<boolean>;
}

/** A fleet, and the state directory of one of its devices. */
export class Story {
  readonly fleet = new Fleet();
  readonly stateDir: string;

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  setup(more: Partial<DeviceSetup> = {}): DeviceSetup {
    return { repository: this.fleet.repository, root: this.fleet.firstRoot, ...more };
  }

  async publish(version: string, seed: number, more: TinyBundleOptions = {}): Promise<void> {
    await publish(this.fleet, version, seed, more);
  }

  /** Runs the device for a while. */
  async device(
    act: (device: CrashDevice) => Promise<unknown>,
    more: Partial<DeviceSetup> = {},
  ): Promise<void> {
    const device = await new CrashDevice(this.stateDir, this.setup(more)).boot();
    await act(device);
    await device.stop();
  }
}

async function publish(
  fleet: Fleet,
  version: string,
  seed: number,
  more: TinyBundleOptions = {},
): Promise<void> {
  await fleet.add({ seed, ...more, parts: { version, ...more.parts } });
}

const firstServes = async (story: Story): Promise<void> => {
  await story.fleet.init();
  await story.publish('1.0.0', 1);
  await story.device((device) => device.install());
};
const install = async (device: CrashDevice): Promise<void> => {
  await device.install();
};
const newEncoder = (fleet: Fleet): Promise<void> => publish(fleet, '2.0.0', 2);
const failing = (call: string, gate: 'accuracy' | 'latency' | 'errors'): Partial<DeviceSetup> => ({
  behave: (one) => (one === call ? [figure(gate, false)] : []),
});
const oldOrNew = { tiny: ['1.0.0', '2.0.0'] };

/** Breaks off the first fetch of a process in its middle, once. */
function once(error: () => Error): Pick<DeviceSetup, 'onProgress'> {
  let isLeft = true;
  return {
    onProgress: (have, total) => {
      if (!isLeft || have < total / 2) return;
      isLeft = false;
      throw error();
    },
  };
}

const lost = (): Error => Object.assign(new Error('The cable is out.'), { code: 'EIO' });
const full = (): Error => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

export const scenarios: readonly Scenario[] = [
  {
    name: 'first install',
    before: async ({ fleet }) => {
      await fleet.init();
      await publish(fleet, '1.0.0', 1);
    },
    during: install,
    allowed: { tiny: [undefined, '1.0.0'] },
    final: { tiny: '1.0.0' },
  },
  {
    name: 'head only',
    before: firstServes,
    published: (fleet) => publish(fleet, '2.0.0', 1, { parts: { labels: ['one', 'two', 'three', 'four'] } }),
    during: install,
    allowed: oldOrNew,
    final: { tiny: '2.0.0' },
  },
  {
    name: 'new encoder',
    before: firstServes,
    published: newEncoder,
    during: install,
    allowed: oldOrNew,
    final: { tiny: '2.0.0' },
  },
  {
    name: 'failed gate',
    before: firstServes,
    published: newEncoder,
    setup: failing('stage 2.0.0', 'accuracy'),
    during: install,
    allowed: { tiny: ['1.0.0'] },
    final: { tiny: '1.0.0' },
  },
  {
    name: 'rollback from probation',
    before: firstServes,
    published: newEncoder,
    setup: failing('watch 2.0.0', 'errors'),
    during: install,
    allowed: oldOrNew,
    final: { tiny: '1.0.0' },
  },
  {
    name: 'rollback by hand',
    before: async (story) => {
      await firstServes(story);
      await story.publish('2.0.0', 2);
      await story.device(install);
    },
    during: async (device) => {
      if ((await device.served()) === '2.0.0') await device.rollback();
    },
    allowed: oldOrNew,
    final: { tiny: '1.0.0' },
  },
  {
    name: 'downgrade by an explicit command',
    before: async (story) => {
      await firstServes(story);
      await story.publish('2.0.0', 2);
      await story.device(install);
    },
    published: (fleet) => publish(fleet, '1.0.0', 1),
    during: async (device) => {
      await device.install('tiny', { version: '1.0.0', downgrade: true });
    },
    allowed: oldOrNew,
    final: { tiny: '1.0.0' },
  },
  {
    name: 'two at once',
    before: async (story) => {
      await firstServes(story);
      await story.publish('1.0.0', 5, { parts: { id: 'other' } });
    },
    published: newEncoder,
    during: async (device) => {
      await Promise.all([device.install(), device.install('other')]);
    },
    allowed: { ...oldOrNew, other: [undefined, '1.0.0'] },
    final: { tiny: '2.0.0', other: '1.0.0' },
  },
  {
    name: 'resume of a download',
    before: async (story) => {
      await firstServes(story);
      await story.publish('2.0.0', 2);
      await story.device(install, once(lost));
    },
    during: install,
    allowed: oldOrNew,
    final: { tiny: '2.0.0' },
  },
  {
    name: 'rotated root',
    before: firstServes,
    published: async (fleet) => {
      await fleet.rotate('root');
      await fleet.rotate('timestamp');
      await newEncoder(fleet);
    },
    during: install,
    allowed: oldOrNew,
    final: { tiny: '2.0.0' },
  },
  {
    name: 'full disk',
    before: firstServes,
    published: newEncoder,
    setup: once(full),
    during: install,
    after: {},
    allowed: oldOrNew,
    final: { tiny: '2.0.0' },
  },
  {
    name: 'quarantine',
    before: async (story) => {
      await firstServes(story);
      await story.publish('2.0.0', 2);
      await story.device(install, failing('shadow 2.0.0', 'latency'));
    },
    setup: failing('shadow 2.0.0', 'latency'),
    during: install,
    allowed: { tiny: ['1.0.0'] },
    final: { tiny: '1.0.0' },
    holds: async (device) => (await device.install()).failure?.code === 'quarantined',
  },
  {
    name: 'upgrade of TensorRT in the middle of an update',
    before: async (story) => {
      await firstServes(story);
      await story.publish('2.0.0', 2);
      // Built and staged with the old one when the machine is restarted.
      let isStaged: () => void = () => undefined;
      const staged = new Promise<void>((resolve) => (isStaged = resolve));
      const behave = (call: string) => {
        if (call === 'shadow 2.0.0') {
          isStaged();
          throw new Error('The machine restarts.');
        }
        return [];
      };
      await story.device(
        async (device) => {
          void device.install();
          await staged;
        },
        { behave },
      );
    },
    setup: { tensorRt: '10.7.0' },
    during: install,
    allowed: oldOrNew,
    final: { tiny: '2.0.0' },
  },
  {
    name: 'garbage collection',
    before: async (story) => {
      await firstServes(story);
      await story.publish('2.0.0', 2);
      await story.device(install);
    },
    published: (fleet) => publish(fleet, '3.0.0', 3),
    during: install,
    allowed: { tiny: ['2.0.0', '3.0.0'] },
    final: { tiny: '3.0.0' },
  },
];
