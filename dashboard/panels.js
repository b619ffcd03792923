// Everything beside the charts.

import { duration, percent, short, words } from './format.js';

const shownAnswers = 8;

/** @param {string} id */
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no ${id}.`);
  return found;
}

/** @param {string} id @param {string} text */
export function say(id, text) {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

/** @param {import('./types').Second[]} seconds @param {import('./types').Standing} standing */
export function showTiles(seconds, { minute, answered, outOfScope }) {
  const lately = seconds.slice(-5);
  const rate = lately.reduce((sum, { ratePerSecond }) => sum + ratePerSecond, 0) / Math.max(1, lately.length);
  say('rate', short(lately.length === 0 ? null : rate));
  say('p50', short(minute.p50Ms));
  say('p95', short(minute.p95Ms));
  say('p99', short(minute.p99Ms));
  say('energy', short(minute.energyMj));
  say('outOfScope', percent(answered === 0 ? null : outOfScope / answered));
  say(
    'outOfScopeNote',
    answered === 0 ? 'of answers, last hour' : `of ${answered.toLocaleString('en')}, last hour`,
  );
}

/** @param {import('./types').IntentCount[]} intents @param {string} when */
export function showIntents(intents, when) {
  say('intentsNote', when);
  element('intentsEmpty').hidden = intents.length > 0;
  const most = Math.max(1, ...intents.map(({ count }) => count));
  fillBars(
    element('intents'),
    intents.map(({ intent, count }) => ({
      name: words(intent),
      share: count / most,
      text: count.toLocaleString('en'),
    })),
  );
}

/**
 * Rows of a list as bars; rows that were there stay, so that their bars move.
 *
 * @param {HTMLElement} list
 * @param {{ name: string, share: number, text: string }[]} bars
 */
export function fillBars(list, bars) {
  while (list.children.length > bars.length) list.lastElementChild?.remove();
  while (list.children.length < bars.length) list.append(emptyBar());
  bars.forEach(({ name, share, text }, at) => {
    const [fill, label, value] = /** @type {HTMLElement[]} */ ([...list.children[at].children]);
    fill.style.width = `${Math.max(1, share * 100)}%`;
    label.textContent = name;
    value.textContent = text;
  });
}

function emptyBar() {
  const item = document.createElement('li');
  for (const name of ['fill', 'name', 'value']) {
    const span = document.createElement('span');
    span.className = name;
    item.append(span);
  }
  return item;
}

/** Under load everything is new: then nothing needs to stand out. */
const mostMarked = 2;

/** @param {import('./types').Ended[]} answers oldest first @param {boolean} arrived just now */
export function addAnswers(answers, arrived) {
  const body = element('newest');
  body.prepend(
    ...answers.map((answer) => answerRow(answer, arrived && answers.length <= mostMarked)).reverse(),
  );
  while (body.children.length > shownAnswers) body.lastElementChild?.remove();
  element('newestEmpty').hidden = body.children.length > 0;
}

/** @param {import('./types').Ended} ended @param {boolean} arrived */
function answerRow({ intent, outOfScope, error, confidence, totalMs, energyMj }, arrived) {
  const row = document.createElement('tr');
  if (arrived) row.className = 'new';
  const name = error ?? (outOfScope ? 'out of scope' : words(intent ?? ''));
  const cells = [
    name,
    outOfScope || confidence === null ? '–' : `${percent(confidence)} %`,
    short(totalMs),
    short(energyMj),
  ];
  row.append(
    ...cells.map((text) => {
      const cell = document.createElement('td');
      cell.textContent = text;
      return cell;
    }),
  );
  row.cells[0].className = error !== null ? 'error' : outOfScope ? 'unsure' : '';
  row.cells[0].title = name;
  row.cells[3].className = 'measured';
  return row;
}

/** @param {import('./types').AgentView} agent @param {number} startedAt */
export function showAgent(agent, startedAt) {
  const state = agent.building !== null && agent.state === 'online' ? 'building an engine' : agent.state;
  const pill = element('state');
  pill.dataset.state = agent.state;
  say('state', agent.broker.up ? state : `${state}, no broker`);
  document.title = `${agent.device} · intentd`;
  const [model] = agent.models.filter((one) => one.default);
  const serving = model && [`${model.name} ${model.version}`, engineName(model.engine)];
  say('device', [agent.device, ...(serving ?? [])].join(' · '));
  say('version', `intentd ${agent.version}`);
  element('agent').replaceChildren(
    ...agentFacts(agent, startedAt).flatMap(([term, ...facts]) => entry(term, facts)),
  );
}

/** @param {import('./types').AgentView} agent @param {number} startedAt @returns {[string, ...(string | Node)[]][]} */
function agentFacts({ engines, models, building, update, meter, broker }, startedAt) {
  return [
    ...engines.flatMap(
      (engine) =>
        /** @type {[string, string][]} */ ([
          ['Engine', `${engineName(engine.kind)} ${engine.version}`],
          ['Precision', `${engine.precision}, ${engine.form}`],
          ['Worker', `${engine.state}, ${engine.residentMib ?? '–'} MiB, ${engine.restarts} restarts`],
        ]),
    ),
    ...models.map(
      (one) =>
        /** @type {[string, string]} */ (['Model', `${one.name} ${one.version} (${one.digest.slice(0, 8)})`]),
    ),
    ...(building === null
      ? []
      : [
          /** @type {[string, Node, string]} */ ([
            'Building',
            progress(building.percent),
            ` ${building.step}`,
          ]),
        ]),
    ['Meter', meter.meter === null ? 'none' : meterName(meter.meter)],
    ...updateFacts(update),
    ['Broker', `${broker.url}${broker.up ? '' : ', not connected'}`],
    ['Up', duration(Date.now() - startedAt)],
  ];
}

/** @param {import('./types').AgentView['update']} update @returns {[string, ...(string | Node)[]][]} */
function updateFacts(update) {
  const { phase, installed, available, percent: done, error } = update;
  const version = available ?? installed;
  const head = version === undefined ? phase : `${phase}, ${version}`;
  return [
    done === undefined ? ['Updates', head] : ['Updates', progress(done), ` ${head}`],
    ...(error === undefined ? [] : [/** @type {[string, string]} */ (['Update error', error])]),
  ];
}

/** @param {string} kind */
function engineName(kind) {
  return { onnxruntime: 'ONNX Runtime', tensorrt: 'TensorRT', none: 'none' }[kind] ?? kind;
}

/** @param {NonNullable<import('./types').AgentView['meter']['meter']>} meter */
function meterName({ kind, covers, sampleMs }) {
  const name = { ina3221: 'INA3221', rapl: 'RAPL', nvml: 'NVML' }[kind] ?? kind;
  return `${name} (${covers}), every ${short(sampleMs)} ms`;
}

/** @param {number} done in percent */
function progress(done) {
  const bar = document.createElement('progress');
  bar.max = 100;
  bar.value = done;
  bar.setAttribute('aria-label', `${done} %`);
  return bar;
}

/** @param {string} term @param {(string | Node)[]} facts */
function entry(term, facts) {
  const name = document.createElement('dt');
  name.textContent = term;
  const fact = document.createElement('dd');
  fact.append(...facts);
  return [name, fact];
}

/** @param {import('./types').AgentView['meter']} meter */
export function showMeter({ meter, fault }) {
  const notice = element('noMeter');
  document.body.classList.toggle('unmeasured', meter === null);
  notice.hidden = fault === null;
  const head = document.createElement('strong');
  head.textContent =
    meter === null ? 'Power and energy are not measured here. ' : 'The power meter is silent. ';
  notice.replaceChildren(head, `${sentence(fault ?? '')} Answers say energyMj null; nothing else changes.`);
  say('energyNote', meter === null ? 'no meter' : 'mean, last minute');
}

/** @param {string} text */
function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
