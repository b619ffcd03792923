// The box to try an utterance: what it asks takes the way of every request.

import { percent, short, words } from './format.js';
import { element, fillBars } from './panels.js';

/** Patience of a person, not of a program. */
const deadlineMs = 3000;
const shownAlternatives = 4;

export function startTryBox() {
  const form = /** @type {HTMLFormElement} */ (element('tryForm'));
  const text = /** @type {HTMLInputElement} */ (element('tryText'));
  const model = /** @type {HTMLSelectElement} */ (element('tryModel'));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button'));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (text.value.trim() === '') return;
    button.disabled = true;
    const answer = await ask(text.value, model.hidden ? undefined : model.value);
    element('tryAnswer').replaceChildren(...(answer.error ? failure(answer.error) : success(answer)));
    button.disabled = false;
    text.focus();
    text.select();
  });
}

/** @param {import('./types').AgentView['models']} models */
export function offerModels(models) {
  const select = /** @type {HTMLSelectElement} */ (element('tryModel'));
  const names = models.map(({ name }) => name);
  if ([...select.options].map(({ value }) => value).join() === names.join()) return;
  select.replaceChildren(
    ...models.map(({ name, default: chosen }) => new Option(name, name, chosen, chosen)),
  );
  select.hidden = models.length < 2;
}

/** @param {string} text @param {string | undefined} model @returns {Promise<import('./types').Answer>} */
async function ask(text, model) {
  const body = JSON.stringify({
    text,
    topK: shownAlternatives,
    deadlineMs,
    ...(model === undefined ? {} : { model }),
  });
  try {
    const response = await fetch('try', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    return await response.json();
  } catch {
    return { error: { code: 'unreachable', message: 'The agent cannot be reached.' } };
  }
}

/** @param {{ code: string, message: string }} error */
function failure({ code, message }) {
  const line = document.createElement('p');
  line.className = 'failure';
  line.textContent = `${code}: ${message}`;
  return [line];
}

/** @param {import('./types').Answer} answer */
function success({
  intent,
  confidence,
  outOfScope,
  alternatives = [],
  latencyMs,
  energyMj,
  energyEstimated,
}) {
  const head = document.createElement('div');
  head.className = outOfScope ? 'answer unsure' : 'answer';
  const name = document.createElement('strong');
  name.textContent = outOfScope ? 'out of scope' : words(intent ?? '');
  const sure = document.createElement('span');
  sure.textContent = outOfScope ? 'nearest intents:' : `${percent(confidence)} % sure`;
  head.append(name, sure);
  const list = document.createElement('ol');
  list.className = 'bars';
  list.setAttribute('aria-label', 'Alternatives');
  fillBars(
    list,
    alternatives.slice(0, shownAlternatives).map((one) => ({
      name: words(one.intent),
      share: one.confidence,
      text: `${percent(one.confidence)} %`,
    })),
  );
  const cost = document.createElement('p');
  cost.className = 'cost';
  cost.textContent = [latency(latencyMs), energy(energyMj, energyEstimated)].filter(Boolean).join(' · ');
  return [head, list, cost];
}

/** @param {import('./types').Answer['latencyMs']} latencyMs */
function latency(latencyMs) {
  if (latencyMs === undefined) return '';
  const { queue, tokenize, infer, total } = latencyMs;
  return `${short(total)} ms: ${short(queue)} waiting, ${short(tokenize)} tokenizing, ${short(infer)} inferring`;
}

/** @param {number | null | undefined} energyMj @param {boolean | undefined} estimated */
function energy(energyMj, estimated) {
  if (energyMj === null || energyMj === undefined) return '';
  return `${estimated ? 'about ' : ''}${short(energyMj)} mJ`;
}
