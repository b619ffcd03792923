// Charts over time, in the page's colours, drawn anew when these change.

import { short } from './format.js';

/** @typedef {{ label: string, color: string, fill?: boolean }} Line */

const dark = matchMedia('(prefers-color-scheme: dark)');

/** @param {string} name */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** @param {string} name @param {number} percent */
function mixed(name, percent) {
  return `${color(name)}${Math.round(percent * 2.55)
    .toString(16)
    .padStart(2, '0')}`;
}

/** A chart in a figure, with a legend that tells the newest values, or those under the pointer. */
export class Chart {
  /** @type {HTMLElement} */ #figure;
  #plotBox = document.createElement('div');
  #legend = document.createElement('ul');
  /** @type {import('uplot') | undefined} */ #plot;
  /** @type {Line[]} */ #lines = [];
  #stacked = false;
  #unit;
  /** @type {number[]} */ #time = [];
  /** @type {(number | null)[][]} */ #values = [];

  /** @param {string} id of the figure @param {string} unit */
  constructor(id, unit) {
    const figure = document.getElementById(id);
    if (figure === null) throw new Error(`The page has no ${id}.`);
    this.#figure = figure;
    this.#unit = unit;
    this.#plotBox.className = 'plot';
    this.#plotBox.setAttribute('role', 'img');
    this.#legend.className = 'legend';
    figure.append(this.#plotBox, this.#legend);
    dark.addEventListener('change', () => this.#build());
    new ResizeObserver(() => this.#resize()).observe(this.#plotBox);
  }

  /** @param {boolean} shown */
  show(shown) {
    this.#figure.hidden = !shown;
  }

  /**
   * @param {Line[]} lines
   * @param {number[]} time
   * @param {(number | null)[][]} values one list for each line
   * @param {boolean} stacked
   */
  draw(lines, time, values, stacked = false) {
    const same = JSON.stringify(lines) === JSON.stringify(this.#lines) && stacked === this.#stacked;
    this.#lines = lines;
    this.#stacked = stacked;
    this.#time = time;
    this.#values = values;
    if (!same || this.#plot === undefined) this.#build();
    else this.#plot.setData(this.#data());
    this.#tell(null);
  }

  /** @returns {import('uplot').AlignedData} */
  #data() {
    if (!this.#stacked) return [this.#time, ...this.#values];
    /** @type {(number | null)[][]} */
    const sums = [];
    for (const values of this.#values) {
      const below = sums.at(-1);
      sums.push(values.map((value, at) => (value === null ? null : value + (below?.[at] ?? 0))));
    }
    return [this.#time, ...sums];
  }

  #build() {
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.#lines.length === 0) return;
    this.#plot = new uPlot(this.#options(), this.#data(), this.#plotBox);
    this.#legend.replaceChildren(...this.#lines.map((line) => legendEntry(line)));
    this.#tell(null);
  }

  /** @returns {import('uplot').Options} */
  #options() {
    const axis = {
      stroke: color('muted'),
      font: '12px system-ui, sans-serif',
      grid: { stroke: color('line'), width: 1 },
      ticks: { show: false },
    };
    return {
      width: Math.max(120, this.#plotBox.clientWidth),
      height: Math.max(100, this.#plotBox.clientHeight),
      padding: [10, 10, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'time' }, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.12 : 1] } },
      axes: [
        { ...axis, size: 26, space: 64, values: times },
        {
          ...axis,
          size: 46,
          space: 34,
          values: (_plot, ticks) => ticks.map((tick) => Number(tick.toFixed(3)).toLocaleString('en')),
        },
      ],
      series: [{}, ...this.#lines.map((line, at) => this.#series(line, at))],
      bands: this.#stacked
        ? this.#lines
            .slice(1)
            .map((_, at) => ({ series: /** @type {[number, number]} */ ([at + 2, at + 1]) }))
        : [],
      hooks: { setCursor: [(plot) => this.#tell(plot.cursor.idx ?? null)] },
    };
  }

  /** @param {Line} line @param {number} at @returns {import('uplot').Series} */
  #series({ label, color: name, fill }, at) {
    return {
      label,
      stroke: color(name),
      width: 1.75,
      ...(fill === true || this.#stacked ? { fill: mixed(name, this.#stacked ? 45 : 14) } : {}),
      // A moment with nothing before and after would be no line.
      points: { show: false, size: 5, filter: () => lonely(this.#values[at]) },
    };
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#plotBox;
    if (width > 0 && height > 0) this.#plot?.setSize({ width, height });
  }

  /** @param {number | null} index of the moment told of; the newest that has values if null */
  #tell(index) {
    const told = this.#values.map((values) => (index === null ? newest(values) : values[index]));
    const entries = [...this.#legend.children];
    told.forEach((value, at) => {
      const text = entries[at]?.querySelector('b');
      if (text) text.textContent = `${short(value)} ${this.#unit}`;
    });
    const spoken = this.#lines.map(({ label }, at) => `${label} ${short(told[at])} ${this.#unit}`);
    const title = this.#figure.querySelector('figcaption')?.textContent?.trim() ?? '';
    this.#plotBox.setAttribute('aria-label', `${title}: ${spoken.join(', ')}`);
  }
}

/** @param {Line} line */
function legendEntry({ label, color: name }) {
  const item = document.createElement('li');
  const key = document.createElement('i');
  key.className = 'key';
  key.style.setProperty('--series', `var(--${name})`);
  item.append(key, `${label} `, document.createElement('b'));
  return item;
}

/** @param {import('uplot')} _plot @param {number[]} ticks */
function times(_plot, ticks) {
  const seconds = ticks.length > 1 && ticks[1] - ticks[0] < 60;
  return ticks.map((tick) =>
    new Date(tick * 1000).toLocaleTimeString('en-GB', {
      hour: '2-digit',
      minute: '2-digit',
      ...(seconds ? { second: '2-digit' } : {}),
    }),
  );
}

/** @param {(number | null)[]} values */
function newest(values) {
  return values.findLast((value) => value !== null);
}

/** Indices of values without a neighbour. @param {(number | null)[]} values */
function lonely(values) {
  return values.flatMap((value, at) =>
    value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null ? [at] : [],
  );
}
