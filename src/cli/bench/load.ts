import type { LoadClient, Qos } from './loadClient.js';
import { Tally } from './tally.js';

export interface LoadOptions {
  readonly texts: readonly string[];
  readonly qos: Qos;
  /** What each request allows. */
  readonly deadlineMs: number;
  readonly seconds: number;
  /** Told how many of the seconds have passed. */
  readonly onSecond?: ((passed: number) => void) | undefined;
}

const tickMs = 2;
const patienceMs = 10_000;

/** As many requests as keep `outstanding` of them open: each answer makes room for the next. */
export async function closedLoop(
  client: LoadClient,
  options: LoadOptions & { readonly outstanding: number },
): Promise<Tally> {
  const tally = new Tally();
  const began = performance.now();
  const until = began + options.seconds * 1000;
  const next = (): void => {
    sendOne(client, options, tally, () => {
      if (performance.now() < until) next();
    });
  };
  for (let at = 0; at < options.outstanding; at++) next();
  while (performance.now() < until) await tick(began, options);
  // What was answered while the load was whole; the rest is only waited for.
  tally.perSecond = (tally.answered * 1000) / (performance.now() - began);
  tally.silent = await client.settled(patienceMs);
  return tally;
}

/** Requests at a steady rate, whether they are answered or not. */
export async function openLoop(
  client: LoadClient,
  options: LoadOptions & { readonly perSecond: number },
): Promise<Tally> {
  const tally = new Tally();
  const began = performance.now();
  for (let passed = 0; passed < options.seconds; passed = (performance.now() - began) / 1000) {
    while (tally.sent < passed * options.perSecond) sendOne(client, options, tally);
    await tick(began, options);
  }
  tally.perSecond = (tally.answered * 1000) / (performance.now() - began);
  tally.silent = await client.settled(patienceMs);
  return tally;
}

function sendOne(client: LoadClient, options: LoadOptions, tally: Tally, then?: () => void): void {
  const { deadlineMs, qos, texts } = options;
  const text = texts[tally.sent % texts.length]!;
  tally.sent += 1;
  client.send({ text, deadlineMs }, qos, (outcome) => {
    tally.note(outcome);
    then?.();
  });
}

async function tick(began: number, { onSecond }: LoadOptions): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, tickMs));
  onSecond?.((performance.now() - began) / 1000);
}
