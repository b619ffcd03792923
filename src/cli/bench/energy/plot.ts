import type { Measured } from '../machineLine.js';
import { labelOf, type EnergyFigures, type EngineFigures } from './figures.js';
import { millijoules } from './table.js';

const width = 720;
const left = 150;
const right = 90;
const top = 92;
const rowHeight = 58;
const barHeight = 16;

/** Greys and hues that are legible on white as on black; the background is the page's. */
const style =
  'text{font:13px system-ui,sans-serif;fill:#7a828e}.title{font-size:16px;font-weight:600}' +
  '.small{font-size:11px}.whole{fill:#4c8bd6}.above{fill:#e0823d}.axis,.whisker{stroke:#7a828e;fill:none}';

/**
 * A bar each for the energy of an utterance with and without the idle floor, by engine: the median over the rounds,
 * and a whisker from the least to the most.
 */
export function energyPlot(
  { device, engines, idle, meter, model, stream }: EnergyFigures,
  measured: Measured,
): string {
  const most = Math.max(
    ...engines.map(({ energyMj, aboveIdleMj }) => Math.max(energyMj.max, aboveIdleMj.max)),
  );
  const step = niceStep(most / 5);
  const end = Math.ceil(most / step) * step;
  const x = (value: number): number => left + (Math.max(0, value) / end) * (width - left - right);
  const bottom = top + engines.length * rowHeight;
  const where = device === null ? `${measured.cores} cores of ${measured.processor}` : device.gpu;
  const floor = `idle floor ${(idle.beforeMw / 1000).toFixed(2)} W`;
  const how = `${stream.rounds} rounds, ${stream.secondsAnEngine} s an engine, batch ${stream.batch}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 52}" width="${width}" role="img">`,
    `<title>Energy of an utterance by engine</title><style>${style}</style>`,
    text(20, 28, `Energy of an utterance, ${model.id} ${model.version}`, 'class="title"'),
    text(20, 48, `${where}; ${meter.kind}, ${meter.total}; ${floor}`, 'class="small"'),
    text(
      20,
      64,
      `${how}; ${measured.date.slice(0, 10)}; whiskers: least and most of the rounds`,
      'class="small"',
    ),
    ...ticks(end, step).flatMap((value) => [
      `<path class="axis" stroke-opacity=".3" d="M${x(value).toFixed(1)} ${top - 8}V${bottom}"/>`,
      text(x(value), bottom + 16, String(value), 'class="small" text-anchor="middle"'),
    ]),
    text(x(end) + 18, bottom + 16, 'mJ', 'class="small"'),
    ...engines.flatMap((engine, at) => bars(engine, top + at * rowHeight, x)),
    ...legend(bottom + 40),
    '</svg>',
    '',
  ].join('\n');
}

function bars(engine: EngineFigures, y: number, x: (value: number) => number): string[] {
  const one = (figure: 'energyMj' | 'aboveIdleMj', kind: string, at: number): string[] => {
    const { min, median, max } = engine[figure];
    const middle = at + barHeight / 2;
    const [from, to] = [x(min).toFixed(1), x(max).toFixed(1)];
    return [
      `<rect class="${kind}" x="${left}" y="${at}" width="${(x(median) - left).toFixed(1)}" height="${barHeight}"/>`,
      `<path class="whisker" d="M${from} ${middle - 4}v8m0-4H${to}m0-4v8"/>`,
      text(x(Math.max(max, median)) + 6, middle + 4, millijoules(median), 'class="small"'),
    ];
  };
  return [
    text(left - 10, y + barHeight + 6, labelOf(engine), 'text-anchor="end"'),
    ...one('energyMj', 'whole', y),
    ...one('aboveIdleMj', 'above', y + barHeight + 4),
  ];
}

function legend(y: number): string[] {
  const entry = (x: number, kind: string, words: string): string[] => [
    `<rect class="${kind}" x="${x}" y="${y - 10}" width="12" height="12"/>`,
    text(x + 18, y, words, 'class="small"'),
  ];
  return [...entry(left, 'whole', 'whole'), ...entry(left + 90, 'above', 'above the idle floor')];
}

function ticks(end: number, step: number): number[] {
  const count = Math.round(end / step);
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(6)));
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least)!;
}

function text(x: number, y: number, words: string, attributes: string): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${safe}</text>`;
}
