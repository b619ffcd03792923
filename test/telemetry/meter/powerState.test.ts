import { describe, expect, it } from 'vitest';
import { readPowerState } from '../../../src/telemetry/index.js';
import { boards, SysfsTree } from '../../support/sysfsTree.js';

function files(tree: SysfsTree) {
  return {
    sysfs: tree.root,
    nvpmodelStatus: tree.path('status'),
    nvpmodelConfig: tree.path('nvpmodel.conf'),
  };
}

describe('what power depends on', () => {
  it('is read from a Jetson: clocks, heat, throttling and the name of the power mode', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    tree.write('status', 'pmode:0001');
    tree.write('nvpmodel.conf', '< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=7W >');
    expect(await readPowerState(files(tree))).toEqual({
      cpuMhz: 1510,
      gpuMhz: 918,
      temperatureC: 51.25,
      throttled: false,
      throttleEvents: 2,
      powerMode: '7W',
    });
    tree.write('class/thermal/cooling_device0/cur_state', '3');
    expect((await readPowerState(files(tree))).throttled).toBe(true);
  });

  it('is null where the machine does not say', async () => {
    expect(await readPowerState(files(new SysfsTree()))).toEqual({
      cpuMhz: null,
      gpuMhz: null,
      temperatureC: null,
      throttled: null,
      throttleEvents: null,
      powerMode: null,
    });
  });
});
