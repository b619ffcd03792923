import { renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Ina3221Meter, RaplMeter } from '../../../src/telemetry/index.js';
import { boards, SysfsTree } from '../../support/sysfsTree.js';

const now = () => performance.now();
const orinNano = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1';

async function jetson(tree: SysfsTree) {
  return (await Ina3221Meter.find(tree.root))!;
}

describe('a reading of rails', () => {
  it('is voltage times current, in mW', async () => {
    const meter = await jetson(SysfsTree.ofJetson(boards.orinNano));
    const before = now();
    const { at, ...sample } = await meter.read(now);
    expect(sample).toEqual({ unit: 'mW', total: 5000, rails: [5000, 1500, 1250] });
    expect(at).toBeGreaterThanOrEqual(before);
    meter.close();
  });

  it('sums the rails where none holds the others', async () => {
    const meter = await jetson(SysfsTree.ofJetson(boards.agxOrin));
    expect(await meter.read(now)).toMatchObject({ total: 4800 + 1200 + 4000 + 1000 });
    meter.close();
  });

  it('follows the current at every reading and the other rails at every tenth', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const meter = await jetson(tree);
    await meter.read(now);
    tree.write(`${orinNano}/curr1_input`, '2000');
    tree.write(`${orinNano}/curr2_input`, '900');
    expect(await meter.read(now)).toMatchObject({ total: 10_000, rails: [10_000, 1500, 1250] });
    for (let reading = 2; reading < 10; reading++) await meter.read(now);
    expect(await meter.read(now)).toMatchObject({ rails: [10_000, 4500, 1250] });
    meter.close();
  });

  it.each(['', 'nonsense', '99999999', '1e3', '-70000'])('refuses a current of %j', async (text) => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const meter = await jetson(tree);
    tree.write(`${orinNano}/curr1_input`, text);
    await expect(meter.read(now)).rejects.toMatchObject({ code: 'bad_reading' });
    meter.close();
  });

  it('fails while a rail is gone, and is right again when it is back', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const meter = await jetson(tree);
    renameSync(tree.path(`${orinNano}/curr1_input`), tree.path('away'));
    await expect(meter.read(now)).rejects.toThrow('curr1_input cannot be read');
    renameSync(tree.path('away'), tree.path(`${orinNano}/curr1_input`));
    expect(await meter.read(now)).toMatchObject({ total: 5000 });
    meter.close();
  });
});

describe('a reading of processor packages', () => {
  it('is the energy since the first one, in mJ, over the end of the counter', async () => {
    const tree = SysfsTree.ofProcessor([999_000, 5000], 1_000_000);
    const meter = (await RaplMeter.find(tree.root))!;
    expect(await meter.read(now)).toMatchObject({ unit: 'mJ', total: 0, rails: [0, 0] });
    tree.write('class/powercap/intel-rapl:0/energy_uj', '999900');
    expect(await meter.read(now)).toMatchObject({ rails: [0.9, 0] });
    tree.write('class/powercap/intel-rapl:0/energy_uj', '500');
    tree.write('class/powercap/intel-rapl:1/energy_uj', '6000');
    const { rails, total } = await meter.read(now);
    expect(rails[0]).toBeCloseTo(1.5, 9);
    expect(total).toBeCloseTo(2.5, 9);
    meter.close();
  });

  it('refuses a counter that went back further than it is long', async () => {
    const tree = SysfsTree.ofProcessor([999_000], 1000);
    const meter = (await RaplMeter.find(tree.root))!;
    await meter.read(now);
    tree.write('class/powercap/intel-rapl:0/energy_uj', '5');
    await expect(meter.read(now)).rejects.toMatchObject({ code: 'bad_reading' });
    meter.close();
  });
});
