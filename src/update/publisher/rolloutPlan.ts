import { IntentdError } from '../../base/index.js';
import { chooseRelease, refusalOf, rolloutPosition, type DeviceTraits } from '../format/index.js';
import type { Channels } from './channels.js';

/** What a device takes from a channel, before a change and after it. */
export interface DeviceOutlook {
  readonly device: string;
  /** Where the device stands in the rollout of the version, in percent. */
  readonly position: number;
  readonly before: string | null;
  readonly after: string | null;
  /** Why it does not take the version; `null` where it does. */
  readonly reason: string | null;
}

export function outlookOf(
  device: DeviceTraits,
  { before, after }: { readonly before: Channels; readonly after: Channels },
  {
    family,
    version,
    channel,
  }: { readonly family: string; readonly version: string; readonly channel: string },
): DeviceOutlook {
  const taken = (channels: Channels): string | null => {
    const offered = channels.get(channel);
    return offered === undefined ? null : (chooseRelease(offered, device)?.version ?? null);
  };
  const release = after.get(channel)?.releases.find((one) => one.version === version);
  return {
    device: device.id,
    position: rolloutPosition(device.id, family, version),
    before: taken(before),
    after: taken(after),
    reason:
      release === undefined
        ? `${family} ${version} is not in ${channel}`
        : (refusalOf(release, family, device) ?? null),
  };
}

/**
 * Devices from lines of `ID [KIND [AGENT]]`; empty lines and what follows a "#" do not count.
 *
 * @throws IntentdError `bad_devices`
 */
export function parseDevices(text: string, defaults: Omit<DeviceTraits, 'id'>, name: string): DeviceTraits[] {
  return text.split('\n').flatMap((line, at) => {
    const [id, kind = defaults.kind, agent = defaults.agent, more] = line
      .replace(/#.*/, '')
      .trim()
      .split(/\s+/);
    if (id === undefined || id === '') return [];
    if (more !== undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(id) || !/^\d+\.\d+\.\d+/.test(agent)) {
      throw new IntentdError(
        'bad_devices',
        `${name} line ${at + 1}: expected DEVICE [KIND [AGENT-VERSION]].`,
      );
    }
    return [{ id, kind, agent }];
  });
}
