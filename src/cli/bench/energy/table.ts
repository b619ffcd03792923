import { bytes, percent } from '../../format.js';
import type { Io } from '../../io.js';
import { milliseconds } from '../../requestTable.js';
import { styleFor } from '../../style.js';
import { table } from '../../table.js';
import { wrap } from '../../text.js';
import type { Measured } from '../machineLine.js';
import { labelOf, type EnergyFigures, type EngineFigures, type Ratio, type Spread } from './figures.js';

/** What was measured, in lines for people. */
export function energyReport(figures: EnergyFigures, measured: Measured, io: Io): string[] {
  const { bold, dim } = styleFor(io);
  const about = [...deviceLine(figures, measured), ...howLines(figures)];
  return [
    bold(`${figures.model.id} ${figures.model.version}: energy of an utterance`),
    ...about.flatMap((line) => wrap(line, io.columns)).map(dim),
    '',
    ...enginesTable(figures.engines, io),
    '',
    ...ratiosTable(figures.ratios, io),
  ];
}

function deviceLine({ device, meter }: EnergyFigures, measured: Measured): string[] {
  const { cores, date, intentd, node, processor } = measured;
  const gpu = device === null ? '' : `${device.gpu}, TensorRT ${device.tensorrt}, driver ${device.driver}; `;
  const board = meter.device === '' ? '' : `${meter.device}; `;
  return [`${board}${gpu}${cores} cores of ${processor}; intentd ${intentd}, Node.js ${node}; ${date}`];
}

function howLines({ idle, meter, model, stream }: EnergyFigures): string[] {
  const { batch, meanTokens, rounds, secondsAnEngine, utterances } = stream;
  return [
    `meter: ${meter.kind}, ${meter.total}, covers the ${meter.covers}, a sample in ${meter.sampleMs.toFixed(0)} ms`,
    `idle floor: ${watts(idle.beforeMw)} before, ${watts(idle.afterMw)} after, ${idle.seconds} s each`,
    `${utterances} utterances of ${meanTokens.toFixed(1)} tokens again and again, batch ${batch}; ` +
      `${secondsAnEngine} s an engine in ${rounds} rounds by turns; a bundle of ${bytes(model.bytes)}, ` +
      `${percent(model.sparsity, 1)} of the weights zero in 2:4`,
  ];
}

function enginesTable(engines: readonly EngineFigures[], io: Io): string[] {
  const right = { align: 'right' } as const;
  const columns = [
    { title: 'engine' },
    { title: 'size', ...right },
    { title: 'mJ each', ...right },
    { title: 'above idle', ...right },
    { title: '/s', ...right },
    { title: 'p50 ms', ...right },
    { title: 'p99 ms', ...right },
    { title: 'golden', ...right },
  ];
  const rows = engines.map((engine) => [
    labelOf(engine),
    bytes(engine.bytes),
    millijoules(engine.energyMj.median),
    millijoules(engine.aboveIdleMj.median),
    engine.perSecond.median.toFixed(0),
    milliseconds(engine.p50Ms ?? 0),
    milliseconds(engine.p99Ms ?? 0),
    engine.inScopeAccuracy === null ? '–' : percent(engine.inScopeAccuracy, 1),
  ]);
  return table(io, columns, rows);
}

function ratiosTable(ratios: readonly Ratio[], io: Io): string[] {
  const right = { align: 'right' } as const;
  const columns = [
    { title: 'against' },
    { title: 'mJ each', ...right },
    { title: 'least…most', ...right },
    { title: 'above idle', ...right },
    { title: 'least…most', ...right },
    { title: 'size', ...right },
  ];
  const rows = ratios.map(({ engine, against, energy, aboveIdle, bytes: size }) => [
    `${engine} / ${against}`,
    times(energy.median),
    rangeOf(energy),
    aboveIdle === null ? '–' : times(aboveIdle.median),
    aboveIdle === null ? '–' : rangeOf(aboveIdle),
    times(size),
  ]);
  return table(io, columns, rows);
}

function rangeOf({ min, max }: Spread): string {
  return `${min.toFixed(3)}…${max.toFixed(3)}`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(3)}×`;
}

export function millijoules(energyMj: number): string {
  return energyMj.toPrecision(3);
}

function watts(powerMw: number): string {
  return `${(powerMw / 1000).toFixed(2)} W`;
}
