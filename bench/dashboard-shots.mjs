#!/usr/bin/env node
/**
 * Takes the pictures of docs/dashboard.md: an agent of its own on this machine answers real requests over MQTT while
 * Chromium shows its dashboard. Its power rails are simulated, since few development machines have any: they
 * are laid out as an Orin Nano's, and follow the rate of the requests.
 *
 *     npm run build
 *     node bench/dashboard-shots.mjs docs/images
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { chromium } from 'playwright-core';

const seconds = Number(process.env.SHOT_SECONDS ?? 150);
const folder = process.argv[2] ?? 'docs/images';
const root = fileURLToPath(new URL('..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'intentd-shots-'));
const monitor = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1';
const rails = [
  ['VDD_IN', 4700, 0],
  ['VDD_CPU_GPU_CV', 700, 1],
  ['VDD_SOC', 1500, 0.35],
];

const writeSensor = (file, text) => {
  const path = join(work, 'sys', file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${text}\n`);
};

/** Rails of 5 V that draw so much more than when idle. */
function setPower(moreMw) {
  rails.forEach(([, idleMw, share], at) => {
    const noise = 1 + (Math.random() - 0.5) * 0.06;
    const mw = at === 0 ? idleMw + moreMw * 1.5 * noise : idleMw * noise + moreMw * share;
    // Written over in place, always as long: the meter keeps the file open, and never finds half a number.
    writeSync(currents[at], `${Math.round(mw / 5)}\n`.padEnd(8), 0);
  });
}

/** Lays the rails out as the kernel does; gives the files of their currents, open. */
function layOutRails() {
  writeSensor('firmware/devicetree/base/model', 'NVIDIA Jetson Orin Nano Developer Kit (simulated)\0');
  writeSensor(`${monitor}/name`, 'ina3221');
  mkdirSync(join(work, 'sys/class/hwmon'), { recursive: true });
  symlinkSync(join(work, 'sys', monitor), join(work, 'sys/class/hwmon/hwmon1'));
  return rails.map(([label, idleMw], at) => {
    writeSensor(`${monitor}/in${at + 1}_label`, label);
    writeSensor(`${monitor}/in${at + 1}_input`, '5000');
    writeSensor(`${monitor}/curr${at + 1}_input`, String(Math.round(idleMw / 5)).padEnd(7));
    return openSync(join(work, 'sys', `${monitor}/curr${at + 1}_input`), 'r+');
  });
}

async function startAgent() {
  const settings = {
    'broker.embeddedPort': 0,
    'web.port': 0,
    'telemetry.sysfs': join(work, 'sys'),
    'requests.deadlineMs': 2000,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const args = [join(root, 'dist/main.js'), 'run', '--device', 'kitchen', '--state-dir', join(work, 'state')];
  const child = spawn(process.execPath, [...args, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  let dashboard;
  for await (const line of createInterface({ input: child.stderr })) {
    const entry = JSON.parse(line);
    if (entry.url !== undefined) dashboard = entry.url;
    if (entry.msg === 'ready') return { child, dashboard, broker: entry.broker };
  }
  throw new Error('the agent did not start');
}

/** Asks the model's own golden utterances, now more, now fewer a second, and some nonsense between them. */
async function askAround(broker, untilMs) {
  const golden = readFileSync(join(root, 'models/clinc150-minilm-l6/golden.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const texts = golden.map((line) => JSON.parse(line).text);
  const mqtt = await connectAsync(broker);
  for (let at = 0; performance.now() < untilMs; at++) {
    const wave = 1 + Math.sin(performance.now() / 9000) * 0.6 + Math.sin(performance.now() / 2300) * 0.25;
    const perSecond = 4 + 22 * Math.max(0.05, wave);
    // A few intents are asked more often than others, as in any kitchen.
    const text = texts[Math.floor(texts.length * Math.random() ** 2.2)];
    mqtt.publish('intentd/kitchen/request', at % 80 === 79 ? '{"text": 7}' : text, { qos: 1 });
    if (at % 5 === 0) setPower(perSecond * 55);
    await sleep(1000 / perSecond);
  }
  await mqtt.endAsync();
}

const currents = layOutRails();
const { child, dashboard, broker } = await startAgent();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const asking = askAround(broker, performance.now() + seconds * 1000);
  const shots = [
    {
      name: 'dashboard-light',
      text: 'please shift eighty bucks over to my vacation fund',
      colorScheme: 'light',
      viewport: { width: 1200, height: 1090 },
    },
    {
      name: 'dashboard-dark',
      text: 'could you turn my lamp into a small sunset',
      colorScheme: 'dark',
      viewport: { width: 1200, height: 1090 },
    },
    {
      name: 'dashboard-phone',
      text: 'wake me up ten minutes before the sun does',
      colorScheme: 'dark',
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      isMobile: true,
    },
  ];
  mkdirSync(folder, { recursive: true });
  await sleep(seconds * 1000 - 12_000);
  for (const { name, text, ...options } of shots) {
    const context = await browser.newContext({ ...options, baseURL: dashboard });
    const page = await context.newPage();
    await page.goto('/');
    await page.getByRole('textbox', { name: 'Utterance' }).fill(text);
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.locator('#tryAnswer .answer').waitFor();
    await page.locator('#tryText').blur();
    await sleep(1500);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await context.close();
  }
  await asking;
} finally {
  await browser.close();
  child.kill('SIGTERM');
  await once(child, 'exit');
  rmSync(work, { recursive: true, force: true });
}
