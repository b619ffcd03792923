import { messageOf } from '../../base/index.js';
import { bytes } from '../format.js';
import { ok, warning, type Finding } from './finding.js';

/** What the machine is and how it does: board, processor, memory, load, temperature, as far as it says. */
export async function host(): Promise<Finding> {
  try {
    return ok('machine', (await facts()).join(', '));
  } catch (error) {
    return warning(
      'machine',
      messageOf(error),
      'What this machine is cannot be told; nothing depends on it.',
    );
  }
}

async function facts(): Promise<string[]> {
  const { default: information } = await import('systeminformation');
  const [system, cpu, memory, load, temperature] = await Promise.all([
    information.system(),
    information.cpu(),
    information.mem(),
    information.currentLoad(),
    information.cpuTemperature(),
  ]);
  const board = [system.manufacturer, system.model].filter((name) => name !== '' && name !== '-').join(' ');
  const kind = [cpu.manufacturer, cpu.brand].filter((name) => name !== '').join(' ');
  // 0 and null are how it says that there is no sensor.
  const celsius = (temperature.main as number | null) ?? 0;
  return [
    ...(board === '' ? [] : [board]),
    `${cpu.cores} cores${kind === '' ? '' : ` of ${kind}`}`,
    `${bytes(memory.total)} memory`,
    `load ${load.avgLoad.toFixed(2)}`,
    ...(celsius > 0 ? [`${celsius.toFixed(0)} °C`] : []),
  ];
}
