import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createLogger, messageOf } from '../base/index.js';
import { examples } from './examples.js';
import { percent } from './format.js';
import type { Io } from './io.js';
import { energy, milliseconds, requestTable } from './requestTable.js';
import type { Reply, Requester } from './requester.js';
import { configOf } from './settings.js';
import { styleFor } from './style.js';
import { table } from './table.js';
import { agentVersion } from './version.js';

/** Everyday texts, and one that no intent of the shipped model fits. */
const utterances = [
  'what is the balance of my checking account',
  'move 100 dollars from savings to checking',
  'how do you say good morning in italian',
  'set a timer for ten minutes',
  'what is the weather like in berlin tomorrow',
  'crack a joke for the two of us',
  'play some jazz',
  'how long until the next bank holiday',
  'somebody stole my credit card on the train',
  'how many calories are in a banana',
  'a notch louder, i can hardly hear you',
  'which planet would win a chess match against the sea',
];

/** `intentd demo` */
export function addDemo(program: Command, io: Io): void {
  program
    .command('demo')
    .summary('show in a dozen utterances what the agent does')
    .description(
      'Start an agent with a broker of its own, send a dozen utterances over MQTT, print the answers, then ' +
        'the same requests from its log. Leaves nothing behind.',
    )
    .addHelpText('after', examples('intentd demo'))
    .action(async () => {
      const stateDir = await mkdtemp(join(tmpdir(), 'intentd-demo-'));
      try {
        await demonstrate(stateDir, io);
      } finally {
        await rm(stateDir, { recursive: true, force: true });
      }
    });
}

async function demonstrate(stateDir: string, io: Io): Promise<void> {
  const [{ Daemon }, { Requester }, { RequestLogReader, requestLogPath }] = await Promise.all([
    import('../daemon.js'),
    import('./requester.js'),
    import('../telemetry/index.js'),
  ]);
  const { bold } = styleFor(io);
  const settings = {
    stateDir,
    'broker.embeddedPort': '0',
    'requests.deadlineMs': '2000',
    'web.enabled': 'false',
  };
  const { config } = await configOf({}, settings);
  const log = await createLogger({ level: 'warn', format: 'json' });
  const daemon = new Daemon({ config, env: {}, version: agentVersion(), log });
  await daemon.start();
  try {
    io.print(`${bold('Over MQTT')}: ${daemon.models.join(', ')} at ${daemon.brokerUrl}`);
    const requester = await Requester.connect(config, daemon.brokerUrl);
    const rows = await askAll(requester);
    await requester.close();
    for (const line of answerTable(rows, io)) io.print(line);
  } finally {
    await daemon.stop();
  }
  const reader = new RequestLogReader(requestLogPath(stateDir));
  io.print(`\n${bold('From the log')} (intentd log)`);
  for (const line of requestTable(reader.newest({}, utterances.length), io)) io.print(line);
  reader.close();
}

async function askAll(requester: Requester): Promise<string[][]> {
  const rows: string[][] = [];
  for (const text of utterances) {
    const asked = performance.now();
    rows.push(cellsOf(text, await replyOrError(requester, text), performance.now() - asked));
  }
  return rows;
}

async function replyOrError(requester: Requester, text: string): Promise<Reply> {
  try {
    return await requester.ask({ text });
  } catch (error) {
    return { error: { code: 'unavailable', message: messageOf(error) } };
  }
}

function cellsOf(text: string, reply: Reply, roundTripMs: number): string[] {
  if ('error' in reply) return [text, reply.error.code, '–', milliseconds(roundTripMs), '–'];
  return [
    text,
    reply.intent ?? 'out of scope',
    percent(reply.confidence, 1),
    milliseconds(roundTripMs),
    energy(reply.energyMj),
  ];
}

function answerTable(rows: readonly string[][], io: Io): string[] {
  return table(
    io,
    [
      { title: 'utterance' },
      { title: 'intent' },
      { title: 'confidence', align: 'right' },
      { title: 'round trip ms', align: 'right' },
      { title: 'mJ', align: 'right' },
    ],
    rows,
  );
}
