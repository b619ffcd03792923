import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A rail as the kernel shows it: its label, millivolts and milliamperes. */
export type RailReading = readonly [label: string, millivolts: number, milliamperes: number];

export interface Board {
  readonly model: string;
  /** By I2C address, one entry for each of the monitor's three channels; `null` where it is not wired. */
  readonly monitors: Readonly<Record<string, readonly (RailReading | null)[]>>;
  readonly gpu: string;
}

/** The boards as their documentation lays them out; the figures are ours. */
export const boards = {
  agxOrin: {
    model: 'NVIDIA Jetson AGX Orin Developer Kit',
    monitors: {
      '1-0040': [
        ['VDD_GPU_SOC', 12_000, 400],
        ['VDD_CPU_CV', 12_000, 100],
        ['VIN_SYS_5V0', 5000, 800],
      ],
      '1-0041': [null, ['VDDQ_VDD2_1V8AO', 5000, 200], null],
    },
    gpu: '17000000.gpu',
  },
  orinNx: {
    model: 'NVIDIA Jetson Orin NX Engineering Reference Developer Kit',
    monitors: {
      '1-0040': [
        ['VDD_IN', 5000, 1600],
        ['VDD_CPU_GPU_CV', 5000, 500],
        ['VDD_SOC', 5000, 400],
      ],
    },
    gpu: '17000000.gpu',
  },
  orinNano: {
    model: 'NVIDIA Jetson Orin Nano Developer Kit',
    monitors: {
      '1-0040': [
        ['VDD_IN', 5000, 1000],
        ['VDD_CPU_GPU_CV', 5000, 300],
        ['VDD_SOC', 5000, 250],
      ],
    },
    gpu: '17000000.ga10b',
  },
  agxXavier: {
    model: 'Jetson-AGX',
    monitors: {
      '1-0040': [
        ['GPU', 19_000, 100],
        ['CPU', 19_000, 50],
        ['SOC', 19_000, 80],
      ],
      '1-0041': [
        ['CV', 19_000, 0],
        ['VDDRQ', 19_000, 20],
        ['SYS5V', 19_000, 100],
      ],
    },
    gpu: '17000000.gv11b',
  },
} as const satisfies Record<string, Board>;

/** A folder laid out like `/sys`, in which a test writes what sensors say. */
export class SysfsTree {
  readonly root = mkdtempSync(join(tmpdir(), 'intentd-sysfs-'));

  /** hwmon numbers are given in order of boot, not of address: ours begin at `firstHwmon`. */
  static ofJetson({ model, monitors, gpu }: Board, firstHwmon = 1): SysfsTree {
    const tree = new SysfsTree();
    tree.write('firmware/devicetree/base/model', `${model}\0`);
    tree.write('class/hwmon/hwmon0/name', 'tmp451');
    Object.entries(monitors).forEach(([address, channels], monitor) => {
      const hwmon = `hwmon${firstHwmon + monitor}`;
      const device = `bus/i2c/drivers/ina3221/${address}/hwmon/${hwmon}`;
      tree.write(`${device}/name`, 'ina3221');
      tree.#writeChannels(device, channels);
      tree.#link(`class/hwmon/${hwmon}`, device);
    });
    tree.write('class/hwmon/hwmon9/name', 'soctherm_oc');
    tree.write('class/hwmon/hwmon9/oc1_event_cnt', '0');
    tree.write('class/hwmon/hwmon9/oc3_event_cnt', '2');
    tree.write(`class/devfreq/${gpu}/cur_freq`, '918000000');
    tree.write('devices/system/cpu/cpu0/cpufreq/scaling_cur_freq', '1510400');
    tree.write('class/thermal/thermal_zone0/type', 'cpu-thermal');
    tree.write('class/thermal/thermal_zone0/temp', '49500');
    tree.write('class/thermal/thermal_zone1/temp', '51250');
    tree.write('class/thermal/cooling_device0/type', 'cpufreq-cpu0');
    tree.write('class/thermal/cooling_device0/cur_state', '0');
    return tree;
  }

  /** @param counters µJ by zone number */
  static ofProcessor(counters: readonly number[], range: number): SysfsTree {
    const tree = new SysfsTree();
    counters.forEach((energy, zone) => {
      const folder = `class/powercap/intel-rapl:${zone}`;
      tree.write(`${folder}/name`, `package-${zone}`);
      tree.write(`${folder}/energy_uj`, String(energy));
      tree.write(`${folder}/max_energy_range_uj`, String(range));
      tree.write(`${folder}:0/name`, 'core');
      tree.write(`${folder}:0/energy_uj`, '1');
    });
    return tree;
  }

  path(file: string): string {
    return join(this.root, file);
  }

  /** Writes what a sensor says. */
  write(file: string, text: string): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), `${text}\n`);
  }

  #writeChannels(device: string, channels: readonly (RailReading | null)[]): void {
    channels.forEach((channel, at) => {
      const [label, millivolts, milliamperes] = channel ?? ['NC', 0, 0];
      this.write(`${device}/in${at + 1}_label`, label);
      this.write(`${device}/in${at + 1}_input`, String(millivolts));
      this.write(`${device}/curr${at + 1}_input`, String(milliamperes));
    });
    // What newer kernels add: it is no rail.
    this.write(`${device}/in7_label`, 'sum of shunt voltages');
    this.write(`${device}/in7_input`, '760');
    this.write(`${device}/curr4_input`, '360');
  }

  #link(file: string, target: string): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    symlinkSync(this.path(target), this.path(file));
  }
}
