// Puts the page together: what comes by the second, what the request log holds, and which of them is shown.

import { Chart } from './charts.js';
import { addAnswers, element, say, showAgent, showIntents, showMeter, showTiles } from './panels.js';
import { historyColumns, liveColumns, parts } from './series.js';
import { listen } from './stream.js';
import { offerModels, startTryBox } from './tryBox.js';

const keptSeconds = 300;
/** How often an hour or a day is read anew while it is shown: a step of it. */
const stepMs = { hour: 60_000, day: 300_000 };

/** @type {{
 *   range: 'live' | 'hour' | 'day',
 *   seconds: import('./types').Second[],
 *   standing: import('./types').Standing | undefined,
 *   agent: import('./types').AgentView | undefined,
 *   startedAt: number,
 *   history: import('./types').History | undefined,
 * }} */
const shown = {
  range: 'live',
  seconds: [],
  standing: undefined,
  agent: undefined,
  startedAt: 0,
  history: undefined,
};

const rate = new Chart('rateChart', '/s');
const latency = new Chart('latencyChart', 'ms');
const power = new Chart('powerChart', 'W');
const energy = new Chart('energyChart', 'mJ');
const rateLines = [
  { label: 'answered', color: 'answered', fill: true },
  { label: 'refused', color: 'refused' },
];
const latencyLines = ['p99', 'p95', 'p50'].map((name) => ({ label: name, color: name }));
const energyLines = [{ label: 'mean', color: 'energy', fill: true }];

function drawCharts() {
  const live = shown.range === 'live';
  if (!live && shown.history === undefined) return;
  const columns = live ? liveColumns(shown.seconds) : historyColumns(/** @type {any} */ (shown.history));
  rate.draw(rateLines, columns.time, [columns.answered, columns.refused]);
  latency.draw(latencyLines, columns.time, [columns.p99, columns.p95, columns.p50]);
  const meter = shown.agent?.meter.meter ?? undefined;
  const rails = Object.entries(parts(columns.rails, meter?.total));
  power.show(rails.length > 0);
  energy.show(rails.length > 0);
  if (rails.length === 0) return;
  const railLines = rails.map(([label], at) => ({ label, color: `rail${at % 6}` }));
  power.draw(
    railLines,
    columns.time,
    rails.map(([, watts]) => watts),
    true,
  );
  energy.draw(energyLines, columns.time, [columns.energy]);
}

function drawIntents() {
  if (shown.range === 'day') showIntents(shown.history?.intents ?? [], 'last day');
  else showIntents(shown.standing?.intents ?? [], 'last hour');
}

/** @param {import('./types').AgentView} agent */
function takeAgent(agent) {
  shown.agent = agent;
  showAgent(agent, shown.startedAt);
  showMeter(agent.meter);
  offerModels(agent.models);
}

/** @param {'hour' | 'day'} range */
async function readHistory(range) {
  try {
    const response = await fetch(`history?range=${range}`);
    const history = await response.json();
    if (shown.range !== range) return;
    if (history.error) throw new Error(history.error.message);
    shown.history = history;
    say('historyNote', '');
    drawCharts();
    drawIntents();
  } catch (error) {
    say('historyNote', `The log cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** @type {ReturnType<typeof setInterval> | undefined} */
let reading;

/** @param {'live' | 'hour' | 'day'} range */
function choose(range) {
  shown.range = range;
  shown.history = undefined;
  clearInterval(reading);
  for (const button of document.querySelectorAll('[data-range]')) {
    button.setAttribute('aria-pressed', String(button.getAttribute('data-range') === range));
  }
  say('historyNote', range === 'live' ? '' : 'Reading the log …');
  if (range === 'live') {
    drawCharts();
    drawIntents();
    return;
  }
  void readHistory(range);
  reading = setInterval(() => {
    if (!document.hidden) void readHistory(range);
  }, stepMs[range]);
}

listen({
  hello: ({ agent, startedAt, seconds, newest, standing }) => {
    Object.assign(shown, { startedAt, seconds, standing });
    takeAgent(agent);
    element('newest').replaceChildren();
    addAnswers(newest, false);
    showTiles(seconds, standing);
    drawCharts();
    drawIntents();
  },
  second: ({ second, standing }) => {
    shown.seconds = [...shown.seconds, second].slice(-keptSeconds);
    shown.standing = standing;
    showTiles(shown.seconds, standing);
    if (shown.range !== 'live') return;
    drawCharts();
    drawIntents();
  },
  answers: (answers) => addAnswers(answers, true),
  agent: takeAgent,
  lost: () => {
    element('state').dataset.state = 'lost';
    say('state', 'not connected');
  },
});
for (const button of document.querySelectorAll('[data-range]')) {
  button.addEventListener('click', () => choose(/** @type {any} */ (button.getAttribute('data-range'))));
}
startTryBox();
